import {
  type Scalar,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tf,
  type Variable,
} from '@headshare/core/runtime/tensorflow';
import { sides } from '@headshare/core/system/image-size';
import { batchOf, type CaseName, stepCases, type TimedStep } from './cases';

/**
 * The benchmark's steps written with tfjs alone: `tf.*` operations and `tf.train.momentum`. tfjs's optimisers have no
 * weight decay, so this side computes a little less.
 */
export function plainStep(name: CaseName, batch: number): TimedStep {
  const { student, teacher } = stepCases[name] as (typeof stepCases)['thkd'];
  const learned: Variable[] = [];
  const frozen: Variable[] = [];
  const build = name === 'mbf' ? mobileFaceNet : cifarResNet;
  const net = build(student.backbone, student.classes, learned);
  const plainTeacher = teacher && build(teacher.backbone, teacher.classes, frozen);
  const optimiser = tf.train.momentum(0.05, 0.9);
  const { pixels, labels } = batchOf(student, batch);
  const { classes } = student;
  const { height, width } = sides(student.inputSize);
  return {
    async run() {
      const images = tf.tidy(() => {
        const raw = tf.tensor4d(Float32Array.from(pixels), [batch, height, width, 3]);
        return tf.div(tf.sub(raw, 127.5), 127.5) as Tensor4D;
      });
      const wanted = tf.oneHot(tf.tensor1d(labels, 'int32'), classes) as Tensor2D;
      const expected = plainTeacher && tf.tidy(() => plainTeacher.logits(plainTeacher.embed(images, false)));
      const cost = optimiser.minimize(
        () => {
          const embedding = net.embed(images, true);
          const logits = net.logits(embedding);
          const loss = tf.losses.softmaxCrossEntropy(wanted, logits) as Scalar;
          if (!plainTeacher || !expected) return loss;
          const own = tf.mul(divergence(logits, expected), 1.5);
          const throughTeacher = tf.mul(divergence(plainTeacher.logits(embedding), expected), 0.02);
          return tf.addN([loss, own, throughTeacher]).asScalar();
        },
        true,
        learned,
      );
      const [value = Number.NaN] = (await cost?.data()) ?? [];
      tf.dispose([images, wanted, ...(expected ? [expected] : []), ...(cost ? [cost] : [])]);
      return value;
    },
  };
}

interface PlainNetwork {
  embed(images: Tensor4D, training: boolean): Tensor2D;
  logits(embedding: Tensor2D): Tensor2D;
}

type Layer = (x: Tensor4D, training: boolean) => Tensor4D;

const temperature = 4;

function divergence(student: Tensor2D, teacher: Tensor2D): Tensor {
  const expected = tf.softmax(tf.div(teacher, temperature));
  const actual = tf.logSoftmax(tf.div(student, temperature));
  const sum = tf.sum(tf.mul(expected, tf.sub(tf.log(expected), actual)));
  return tf.mul(sum, temperature ** 2 / student.shape[0]);
}

/** Layers whose variables go to `variables`. */
function layersInto(variables: Variable[]) {
  const variable = (initial: Tensor): Variable => {
    const made = tf.variable(initial);
    variables.push(made);
    return made;
  };
  const batchNorm = (channels: number): Layer => {
    const [scale, offset] = [variable(tf.ones([channels])), variable(tf.zeros([channels]))];
    const mean = tf.variable(tf.zeros([channels]), false);
    const variance = tf.variable(tf.ones([channels]), false);
    const moved = (running: Variable, value: Tensor) =>
      running.assign(tf.tidy(() => tf.add(tf.mul(running, 0.9), tf.mul(value, 0.1))));
    return (x, training) => {
      if (!training) return tf.batchNorm(x, mean as never, variance as never, offset as never, scale as never, 1e-5);
      const batch = tf.moments(x, [0, 1, 2]);
      moved(mean, batch.mean);
      moved(variance, batch.variance);
      return tf.batchNorm(x, batch.mean as never, batch.variance as never, offset as never, scale as never, 1e-5);
    };
  };
  const filter = (shape: [number, number, number, number]) =>
    variable(tf.randomNormal(shape, 0, 0.05)) as unknown as Tensor4D;
  return {
    variable,
    batchNorm,
    convolution(inputs: number, outputs: number, kernel: number, stride: number, pad: 'same' | 'valid'): Layer {
      const weights = filter([kernel, kernel, inputs, outputs]);
      return (x) => tf.conv2d(x, weights, stride, pad);
    },
    depthwise(channels: number, kernel: number, stride: number, pad: 'same' | 'valid'): Layer {
      const weights = filter([kernel, kernel, channels, 1]);
      return (x) => tf.depthwiseConv2d(x, weights, stride, pad);
    },
    prelu(channels: number): Layer {
      const slope = variable(tf.fill([channels], 0.25));
      return (x) => tf.prelu(x, slope as unknown as Tensor4D);
    },
    linear(inputs: number, outputs: number): (x: Tensor2D) => Tensor2D {
      const weights = variable(tf.randomNormal([inputs, outputs], 0, 0.05)) as unknown as Tensor2D;
      return (x) => tf.matMul(x, weights);
    },
  };
}

const inTurn =
  (layers: readonly Layer[]): Layer =>
  (x, training) =>
    layers.reduce((y, layer) => layer(y, training), x);

function mobileFaceNet(_: string, classes: number, variables: Variable[]): PlainNetwork {
  const { convolution, depthwise, batchNorm, prelu, linear } = layersInto(variables);
  const bottleneck = (inputs: number, outputs: number, stride: number, expansion: number): Layer => {
    const inner = inputs * expansion;
    const body = inTurn([
      convolution(inputs, inner, 1, 1, 'valid'),
      batchNorm(inner),
      prelu(inner),
      depthwise(inner, 3, stride, 'same'),
      batchNorm(inner),
      prelu(inner),
      convolution(inner, outputs, 1, 1, 'valid'),
      batchNorm(outputs),
    ]);
    return (x, training) => (stride === 1 && inputs === outputs ? tf.add(x, body(x, training)) : body(x, training));
  };
  const layers = [convolution(3, 64, 3, 2, 'same'), batchNorm(64), prelu(64)];
  layers.push(depthwise(64, 3, 1, 'same'), batchNorm(64), prelu(64));
  let channels = 64;
  for (const [expansion, outputs, count, stride] of [
    [2, 64, 5, 2],
    [4, 128, 1, 2],
    [2, 128, 6, 1],
    [4, 128, 1, 2],
    [2, 128, 2, 1],
  ] as const) {
    for (let index = 0; index < count; index++) {
      layers.push(bottleneck(channels, outputs, index === 0 ? stride : 1, expansion));
      channels = outputs;
    }
  }
  layers.push(convolution(128, 512, 1, 1, 'valid'), batchNorm(512), prelu(512));
  layers.push(depthwise(512, 7, 1, 'valid'), batchNorm(512), convolution(512, 512, 1, 1, 'valid'), batchNorm(512));
  const body = inTurn(layers);
  return {
    embed: (images, training) => tf.reshape(body(images, training), [images.shape[0], 512]),
    logits: linear(512, classes),
  };
}

function cifarResNet(name: string, classes: number, variables: Variable[]): PlainNetwork {
  const { convolution, batchNorm, linear } = layersInto(variables);
  const relu: Layer = (x) => tf.relu(x);
  const block = (inputs: number, outputs: number, stride: number): Layer => {
    const body = inTurn([
      convolution(inputs, outputs, 3, stride, 'same'),
      batchNorm(outputs),
      relu,
      convolution(outputs, outputs, 3, 1, 'same'),
      batchNorm(outputs),
    ]);
    const projects = stride > 1 || inputs !== outputs;
    const shortcut = projects
      ? inTurn([convolution(inputs, outputs, 1, stride, 'same'), batchNorm(outputs)])
      : undefined;
    return (x, training) => tf.relu(tf.add(body(x, training), shortcut ? shortcut(x, training) : x)) as Tensor4D;
  };
  const layers = [convolution(3, 32, 3, 1, 'same'), batchNorm(32), relu];
  const blocks = name === 'resnet32x4' ? 5 : 1;
  let channels = 32;
  for (const [stage, outputs] of [64, 128, 256].entries()) {
    for (let index = 0; index < blocks; index++) {
      layers.push(block(channels, outputs, stage > 0 && index === 0 ? 2 : 1));
      channels = outputs;
    }
  }
  const body = inTurn(layers);
  return {
    embed: (images, training) => tf.mean(body(images, training), [1, 2]),
    logits: linear(256, classes),
  };
}
