/**
 * MobileFaceNet (Chen et al., arXiv 1804.07573): inverted bottlenecks, and a global depthwise convolution in place of pooling,
 * so that every pixel of the last map has its own weight.
 *
 * mobilefacenet: the paper's table 1; variables named as in Xiaoccer/MobileFaceNet_Pytorch.
 * mobilefacenet-insightface: the network of insightface's published face recognition results (arcface_torch's `get_mbf`), with
 * twice as many channels in its early layers; variables named as there.
 *
 * Stages of both end without an activation, so preactivations are the features.
 */
import type { Tensor2D, Tensor4D } from '../../runtime/tensorflow';
import type { ImageSize } from '../../system/image-size';
import { type Backbone, type BackboneDefinition, halved, scaled } from '../backbone';
import { normal } from '../initialisers';
import {
  batchNorm,
  type ConvolutionShape,
  convolutionNorm,
  flatten,
  linear,
  type Mode,
  parametricRelu,
} from '../layers';
import type { Scope } from '../scope';

/** One or several layers; the residual is added to the output of the last one's batch norm. */
type Layer = (x: Tensor4D, mode: Mode, residual?: Tensor4D) => Tensor4D;

const chained =
  (layers: readonly Layer[]): Layer =>
  (x, mode, residual) =>
    layers.reduce((y, layer, index) => layer(y, mode, index === layers.length - 1 ? residual : undefined), x);

const withSkip =
  (layer: Layer): Layer =>
  (x, mode) =>
    layer(x, mode, x);

type Names = readonly [convolution: string, norm: string, activation: string];

/** Convolution, batch norm and, unless `linear`, PReLU. */
function unit(
  scope: Scope,
  [convolution, norm, activation]: Names,
  shape: ConvolutionShape & { readonly linear?: boolean },
): Layer {
  const convolve = convolutionNorm(scope, [convolution, norm], shape);
  const following = shape.linear ? {} : { activation: parametricRelu(scope.child(activation), shape.outputs) };
  return (x, mode, residual) => convolve(x, mode, { ...following, residual });
}

interface BottleneckShape {
  readonly inputs: number;
  /** Channels between the two pointwise convolutions. */
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
}

/** The shapes of a bottleneck's three convolutions. */
function bottleneckShapes({ inputs, inner, outputs, stride }: BottleneckShape) {
  return [
    { inputs, outputs: inner },
    { inputs: inner, outputs: inner, kernel: 3, stride, padding: 1, groups: inner },
    { inputs: inner, outputs, linear: true },
  ] as const;
}

/** The depthwise convolution over the whole last map. */
function globalShape(channels: number, inputSize: ImageSize) {
  const { height, width } = halved(inputSize, 4);
  return { inputs: channels, outputs: channels, kernel: [height, width], groups: channels, linear: true } as const;
}

/** A backbone whose stages, the stem first, give the features. */
function staged(
  stages: readonly Layer[],
  embeddingSize: number,
  embed: (map: Tensor4D, mode: Mode) => Tensor2D,
): Backbone {
  return {
    embeddingSize,
    apply(images, mode, { preactivations } = {}) {
      const features: Tensor4D[] = [];
      for (const stage of stages) features.push(stage(features.at(-1) ?? images, mode));
      const embedding = embed(features.at(-1) as Tensor4D, mode);
      return { features, embedding, ...(preactivations && { preactivations: features }) };
    },
  };
}

const paperNames: Names = ['conv', 'bn', 'prelu'];

const mobilefacenet: BackboneDefinition = {
  name: 'mobilefacenet',
  inputSize: 112,
  build(scope, { inputSize, width, embeddingSize = 128 }) {
    const [narrow, middle, last] = [64, 128, 512].map((channels) => scaled(channels, width)) as [
      number,
      number,
      number,
    ];
    const depthwise = { inputs: narrow, outputs: narrow, kernel: 3, padding: 1, groups: narrow };
    const stem = chained([
      unit(scope.child('conv1'), paperNames, { inputs: 3, outputs: narrow, kernel: 3, stride: 2, padding: 1 }),
      unit(scope.child('dw_conv1'), paperNames, depthwise),
    ]);

    let block = 0;
    let inputs = narrow;
    const bottlenecks = (expansion: number, outputs: number, count: number, firstStride: number): Layer[] =>
      Array.from({ length: count }, (_, index) => {
        const stride = index === 0 ? firstStride : 1;
        // One flat sequence in the reference: three convolutions with their norms, and PReLU after the first two.
        const sequence = scope.child(`blocks.${block++}.conv`);
        const layer = chained(
          bottleneckShapes({ inputs, inner: inputs * expansion, outputs, stride }).map((shape, step) =>
            unit(sequence, [`${3 * step}`, `${3 * step + 1}`, `${3 * step + 2}`], shape),
          ),
        );
        const skips = stride === 1 && inputs === outputs;
        inputs = outputs;
        return sequence.block(skips ? withSkip(layer) : layer);
      });
    const stages = [
      bottlenecks(2, narrow, 5, 2),
      [...bottlenecks(4, middle, 1, 2), ...bottlenecks(2, middle, 6, 1)],
      [...bottlenecks(4, middle, 1, 2), ...bottlenecks(2, middle, 2, 1)],
    ].map(chained);

    const pool = chained([
      unit(scope.child('conv2'), paperNames, { inputs, outputs: last }),
      unit(scope.child('linear7'), paperNames, globalShape(last, inputSize)),
      unit(scope.child('linear1'), paperNames, { inputs: last, outputs: embeddingSize, linear: true }),
    ]);
    return staged([stem, ...stages], embeddingSize, (map, mode) => flatten(pool(map, mode)));
  },
};

const insightfaceNames: Names = ['layers.0', 'layers.1', 'layers.2'];

const insightface: BackboneDefinition = {
  name: 'mobilefacenet-insightface',
  aliases: ['mbf'],
  inputSize: 112,
  build(scope, { inputSize, width, embeddingSize = 512 }) {
    const groups = scaled(64, width);
    const narrow = 2 * groups;
    const middle = scaled(256, width);
    const last = scaled(512, width);

    const bottleneck = (at: Scope, shape: BottleneckShape): Layer =>
      at.block(chained(bottleneckShapes(shape).map((one, i) => unit(at.child(`layers.${i}`), insightfaceNames, one))));
    const residuals = (at: Scope, count: number, channels: number): Layer[] => {
      const shape = { inputs: channels, inner: channels, outputs: channels, stride: 1 };
      return Array.from({ length: count }, (_, index) => withSkip(bottleneck(at.child(`layers.${index}`), shape)));
    };
    const layer = (index: number) => scope.child(`layers.${index}`);
    const stages = [
      [
        unit(layer(0), insightfaceNames, { inputs: 3, outputs: narrow, kernel: 3, stride: 2, padding: 1 }),
        // Groups of two channels: the reference doubled the channels and kept the published `groups=64`.
        unit(layer(1), insightfaceNames, { inputs: narrow, outputs: narrow, kernel: 3, padding: 1, groups }),
      ],
      [
        bottleneck(layer(2), { inputs: narrow, inner: narrow, outputs: narrow, stride: 2 }),
        ...residuals(layer(3), 4, narrow),
      ],
      [
        bottleneck(layer(4), { inputs: narrow, inner: middle, outputs: middle, stride: 2 }),
        ...residuals(layer(5), 6, middle),
      ],
      [
        bottleneck(layer(6), { inputs: middle, inner: 2 * middle, outputs: middle, stride: 2 }),
        ...residuals(layer(7), 2, middle),
      ],
    ].map(chained);

    const separate = unit(scope.child('conv_sep'), insightfaceNames, { inputs: middle, outputs: last });
    const head = scope.child('features');
    const pool = unit(head.child('layers.0'), insightfaceNames, globalShape(last, inputSize));
    const shape = { inputs: last, outputs: embeddingSize, bias: false, initialise: normal(0.01) };
    const embed = linear(head.child('layers.2'), shape);
    const normalise = batchNorm(head.child('layers.3'), embeddingSize);
    return staged(stages, embeddingSize, (map, mode) =>
      normalise(embed(flatten(pool(separate(map, mode), mode))), mode),
    );
  },
};

export default [mobilefacenet, insightface];
