/**
 * MobileFaceNet (Chen et al., arXiv 1804.07573): inverted bottlenecks, and a global depthwise convolution in place of
 * pooling, so that each pixel of the last map has a weight of its own.
 *
 * mobilefacenet: the paper's table 1; variables named as in Xiaoccer/MobileFaceNet_Pytorch.
 * mobilefacenet-insightface: the one of insightface's published face recognition results (arcface_torch's `get_mbf`),
 * twice as wide in its early layers; variables named as there.
 *
 * Stages of both end without an activation, so that their preactivations are their features.
 */
import type { Tensor2D, Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { flatten, halved } from '../flatten';
import { normal } from '../initialisers';
import { batchNorm, type ConvolutionShape, convolutionNorm, linear, type Mode, parametricRelu } from '../layers';
import type { Scope } from '../scope';

/** A layer or several; the residual is added to the result of the last one's batch norm. */
type Layer = (x: Tensor4D, mode: Mode, residual?: Tensor4D) => Tensor4D;

const inTurn =
  (layers: readonly Layer[]): Layer =>
  (x, mode, residual) =>
    layers.reduce((y, layer, index) => layer(y, mode, index === layers.length - 1 ? residual : undefined), x);

const withSkip =
  (layer: Layer): Layer =>
  (x, mode) =>
    layer(x, mode, x);

interface Names {
  readonly convolution: string;
  readonly norm: string;
  readonly activation: string;
}

/** Convolution, batch norm and, unless `linear`, PReLU. */
function unit(scope: Scope, names: Names, shape: ConvolutionShape & { readonly linear?: boolean }): Layer {
  const scopes = { convolution: scope.child(names.convolution), norm: scope.child(names.norm) };
  const convolve = convolutionNorm(scopes, shape);
  const activation = shape.linear ? undefined : parametricRelu(scope.child(names.activation), shape.outputs);
  return (x, mode, residual) => convolve(x, mode, { activation, residual });
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

const paperNames: Names = { convolution: 'conv', norm: 'bn', activation: 'prelu' };

const mobilefacenet: BackboneDefinition = {
  name: 'mobilefacenet',
  inputSize: 112,
  build(scope, { inputSize, width, embeddingSize = 128 }) {
    const [narrow, middle, last] = [64, 128, 512].map((channels) => scaled(channels, width)) as [
      number,
      number,
      number,
    ];
    const stem = inTurn([
      unit(scope.child('conv1'), paperNames, { inputs: 3, outputs: narrow, kernel: 3, stride: 2, padding: 1 }),
      unit(scope.child('dw_conv1'), paperNames, {
        inputs: narrow,
        outputs: narrow,
        kernel: 3,
        padding: 1,
        groups: narrow,
      }),
    ]);

    let block = 0;
    let inputs = narrow;
    const bottlenecks = (expansion: number, outputs: number, count: number, firstStride: number): Layer[] =>
      Array.from({ length: count }, (_, index) => {
        const stride = index === 0 ? firstStride : 1;
        // One flat sequence there: three convolutions with their norms, and PReLU after the first two.
        const sequence = scope.child('blocks').child(`${block++}`).child('conv');
        const layer = inTurn(
          bottleneckShapes({ inputs, inner: inputs * expansion, outputs, stride }).map((shape, step) => {
            const at = 3 * step;
            return unit(sequence, { convolution: `${at}`, norm: `${at + 1}`, activation: `${at + 2}` }, shape);
          }),
        );
        const skips = stride === 1 && inputs === outputs;
        inputs = outputs;
        return sequence.block(skips ? withSkip(layer) : layer);
      });
    const stages = [
      bottlenecks(2, narrow, 5, 2),
      [...bottlenecks(4, middle, 1, 2), ...bottlenecks(2, middle, 6, 1)],
      [...bottlenecks(4, middle, 1, 2), ...bottlenecks(2, middle, 2, 1)],
    ].map(inTurn);

    const pool = inTurn([
      unit(scope.child('conv2'), paperNames, { inputs, outputs: last }),
      unit(scope.child('linear7'), paperNames, {
        inputs: last,
        outputs: last,
        kernel: halved(inputSize, 4),
        groups: last,
        linear: true,
      }),
      unit(scope.child('linear1'), paperNames, { inputs: last, outputs: embeddingSize, linear: true }),
    ]);
    return {
      embeddingSize,
      apply(images, mode, { preactivations } = {}) {
        const features = [stem(images, mode)];
        for (const stage of stages) features.push(stage(features.at(-1) as Tensor4D, mode));
        const embedding = flatten(pool(features.at(-1) as Tensor4D, mode));
        return { features, embedding, ...(preactivations && { preactivations: features }) };
      },
    };
  },
};

const insightfaceNames: Names = { convolution: 'layers.0', norm: 'layers.1', activation: 'layers.2' };

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
      at.block(
        inTurn(
          bottleneckShapes(shape).map((step, index) =>
            unit(at.child('layers').child(`${index}`), insightfaceNames, step),
          ),
        ),
      );
    const residuals = (at: Scope, count: number, channels: number): Layer[] =>
      Array.from({ length: count }, (_, index) =>
        withSkip(
          bottleneck(at.child('layers').child(`${index}`), {
            inputs: channels,
            inner: channels,
            outputs: channels,
            stride: 1,
          }),
        ),
      );
    const layer = (index: number) => scope.child('layers').child(`${index}`);
    const stages = [
      [
        unit(layer(0), insightfaceNames, { inputs: 3, outputs: narrow, kernel: 3, stride: 2, padding: 1 }),
        // Pairs of channels in a group, not single ones: the doubled width left the published `groups=64` as it was.
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
    ].map(inTurn);

    const separate = unit(scope.child('conv_sep'), insightfaceNames, { inputs: middle, outputs: last });
    const head = scope.child('features');
    const pool = unit(head.child('layers.0'), insightfaceNames, {
      inputs: last,
      outputs: last,
      kernel: halved(inputSize, 4),
      groups: last,
      linear: true,
    });
    const embed = linear(head.child('layers.2'), {
      inputs: last,
      outputs: embeddingSize,
      bias: false,
      initialise: normal(0.01),
    });
    const normalise = batchNorm(head.child('layers.3'), embeddingSize);
    return {
      embeddingSize,
      apply(images, mode, { preactivations } = {}) {
        const features: Tensor4D[] = [];
        for (const stage of stages) features.push(stage(features.at(-1) ?? images, mode));
        const pooled: Tensor2D = flatten(pool(separate(features.at(-1) as Tensor4D, mode), mode));
        const embedding = normalise(embed(pooled), mode);
        return { features, embedding, ...(preactivations && { preactivations: features }) };
      },
    };
  },
};

export default [mobilefacenet, insightface];
