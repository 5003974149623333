/**
 * A network as a graph of few kinds of layer. Our backbones and the graphs of ONNX files are both brought into this form, in
 * which the usual ways to write the same computation are equal: `hardswish` as one node or as four, pooling by ReduceMean, a
 * 1x1 convolution of single pixels as a linear layer.
 */
export type Setting = number | string | readonly number[];

/** @template W a weight: its name in our network, or a tensor of a file */
export interface Layer<W> {
  readonly kind: string;
  readonly inputs: readonly Layer<W>[];
  /** The numbers that decide what it computes. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** The output's, without the batch: [channels, height, width], or [channels] also for single pixels. */
  readonly shape: readonly number[];
  readonly weights: Readonly<Record<string, W>>;
  /** Its name in messages. */
  readonly at: string;
}

interface Made<W> {
  readonly at: string;
  readonly settings?: Layer<W>['settings'];
  readonly shape?: readonly number[];
  readonly weights?: Layer<W>['weights'];
}

const isSingle = (shape: readonly number[]): boolean => shape.slice(1).every((size) => size === 1);

/** A layer of any kind. Its shape is by default its first input's. */
export function layer<W>(kind: string, inputs: readonly Layer<W>[], made: Made<W>): Layer<W> {
  const { at, settings = {}, shape = inputs[0]?.shape ?? [], weights = {} } = made;
  return { kind, inputs, settings, weights, at, shape: isSingle(shape) ? shape.slice(0, 1) : shape };
}

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  /** Rows above and columns to the left; the output's shape says how many there are below and to the right. */
  readonly before: readonly number[];
}

interface ConvolutionParts<W> extends Made<W>, Window {
  readonly dilations: readonly number[];
  readonly groups: number;
  readonly shape: readonly number[];
}

/** A convolution, which takes in a padding with zeros before it; of single pixels, a linear layer. */
export function convolution<W>(x: Layer<W>, parts: ConvolutionParts<W>): Layer<W> {
  const { kernel, strides, before, dilations, groups, ...made } = parts;
  if (x.kind === 'pad' && x.settings.value === 0) return convolution(input(x), { ...parts, before: sum(before, x) });
  const isPoint = kernel.every((size) => size === 1) && before.every((size) => size === 0);
  if (x.kind === 'every' && isPoint) {
    const every = x.settings.strides as readonly number[];
    return convolution(input(x), { ...parts, strides: strides.map((stride, i) => stride * (every[i] ?? 1)) });
  }
  if (isPoint && groups === 1 && x.shape.length === 1 && isSingle(parts.shape)) return layer('linear', [x], made);
  // A stride that no second step uses, and a dilation of a single point, change nothing.
  const [, ...size] = parts.shape;
  const settings = {
    kernel,
    strides: strides.map((stride, i) => (size[i] === 1 ? 1 : stride)),
    padding: before,
    dilations: dilations.map((dilation, i) => (kernel[i] === 1 ? 1 : dilation)),
    groups,
  };
  return layer('convolution', [x], { ...made, settings });
}

/** @param parts `counted`: whether an average counts the padding's zeros */
export function pool<W>(
  kind: 'maxPool' | 'averagePool',
  x: Layer<W>,
  parts: Window & { readonly at: string; readonly shape: readonly number[]; readonly counted: boolean },
): Layer<W> {
  const { at, shape, kernel, strides, before, counted } = parts;
  if (x.kind === 'pad' && x.settings.value === (kind === 'maxPool' ? Number.NEGATIVE_INFINITY : 0)) {
    if (kind === 'maxPool' || counted || before.every((size) => size === 0)) {
      return pool(kind, input(x), { ...parts, before: sum(before, x), counted: true });
    }
  }
  const [, ...from] = x.shape.length === 1 ? [0, 1, 1] : x.shape;
  const [, ...to] = shape;
  const isWhole = to.every((size, i) => size === 1 && kernel[i] === from[i] && before[i] === 0);
  if (isWhole && (kind === 'averagePool' || x.shape.length === 1)) return mean(x, at);
  const reaches = to.some(
    (size, i) =>
      (before[i] ?? 0) > 0 || (size - 1) * (strides[i] ?? 1) + (kernel[i] ?? 1) - (before[i] ?? 0) > (from[i] ?? 0),
  );
  const counts: Layer<W>['settings'] = kind === 'averagePool' ? { padding_counts: reaches && !counted ? 0 : 1 } : {};
  const settings = { kernel, strides: strides.map((one, i) => (to[i] === 1 ? 1 : one)), padding: before, ...counts };
  return layer(kind, [x], { at, shape, settings });
}

/** The mean over all pixels. */
export const mean = <W>(x: Layer<W>, at: string): Layer<W> =>
  x.shape.length === 1 ? x : layer('mean', [x], { at, shape: x.shape.slice(0, 1) });

/** Maps as vectors, channel by channel. */
export const flatten = <W>(x: Layer<W>, at: string): Layer<W> =>
  x.shape.length === 1 ? x : layer('flatten', [x], { at, shape: [x.shape.reduce((a, b) => a * b, 1)] });

/** min(max(x, low), high) */
export function clip<W>(x: Layer<W>, low: number, high: number, at: string): Layer<W> {
  if (low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) return x;
  if (x.kind === 'clip') {
    const { low: l, high: h } = x.settings as { low: number; high: number };
    // Where the bounds do not overlap, the outer ones decide.
    const within = (value: number) => Math.min(Math.max(value, low), high);
    return layer('clip', x.inputs, { at, settings: { low: within(l), high: within(h) } });
  }
  return layer('clip', [x], { at, settings: { low, high } });
}

/** factor x + summand, drawn into a clip and into a product with one. */
export function scalar<W>(x: Layer<W>, factor: number, summand: number, at: string): Layer<W> {
  if (factor === 1 && summand === 0) return x;
  if (x.kind === 'scalar') {
    const { factor: f, summand: s } = x.settings as { factor: number; summand: number };
    return scalar(input(x), factor * f, factor * s + summand, at);
  }
  if (x.kind === 'clip' && factor > 0) {
    const { low, high } = x.settings as { low: number; high: number };
    return clip(scalar(input(x), factor, summand, at), factor * low + summand, factor * high + summand, at);
  }
  if (x.kind === 'multiply' && summand === 0 && factor > 0) {
    const at_ = x.inputs.findIndex(({ kind }) => kind === 'clip');
    const inputs = x.inputs.map((one, i) => (i === at_ ? scalar(one, factor, 0, at) : one));
    if (at_ >= 0) return layer('multiply', inputs, { at: x.at, shape: x.shape });
  }
  return layer('scalar', [x], { at, settings: { factor, summand } });
}

/** x y; either may be one value a channel for the other's map. */
export function multiply<W>(x: Layer<W>, y: Layer<W>, at: string): Layer<W> {
  let factor = 1;
  const inputs = [x, y].map((one) => {
    if (one.kind !== 'scalar' || one.settings.summand !== 0) return one;
    factor *= one.settings.factor as number;
    return input(one);
  });
  const shape = x.shape.length >= y.shape.length ? x.shape : y.shape;
  return scalar(layer('multiply', inputs, { at, shape }), factor, 0, at);
}

export const add = <W>(x: Layer<W>, y: Layer<W>, at: string): Layer<W> => layer('add', [x, y], { at });

/** Channels `from` to `to`, `to` excluded. */
export function slice<W>(x: Layer<W>, from: number, to: number, at: string): Layer<W> {
  const [channels = 0, ...size] = x.shape;
  if (from === 0 && to === channels) return x;
  return layer('slice', [x], { at, settings: { from, to }, shape: [to - from, ...size] });
}

/** Channel i of group g becomes channel i groups + g. */
export const shuffle = <W>(x: Layer<W>, groups: number, at: string): Layer<W> =>
  layer('shuffle', [x], { at, settings: { groups } });

const input = <W>(x: Layer<W>): Layer<W> => x.inputs[0] as Layer<W>;

const sum = <W>(before: readonly number[], pad: Layer<W>): number[] =>
  (pad.settings.before as readonly number[]).map((size, i) => size + (before[i] ?? 0));
