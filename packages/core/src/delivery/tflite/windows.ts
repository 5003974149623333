/** Convolutions and pools. */
import { type Convolution, isDepthwise, type Pads, type Pool, type Shape, sidesOf, transposed } from '../graph';
import type { TfliteBuilder } from './builder';
import { options, type paddings } from './schema';

export function writeConvolution(layer: Convolution, model: TfliteBuilder): void {
  const { x, filter, bias, stride, groups } = layer;
  const [kh, kw, each, outputs] = filter.shape as readonly [number, number, number, number];
  const { activation, ...made } = model.withActivation(layer);
  const { input, padding } = paddedInput(layer, [kh, kw], 0, model);
  // Some readers want a bias of each convolution.
  const biases = bias ?? { shape: [outputs], values: new Float32Array(outputs) };
  const window = { padding, stride };
  const name = layer.output;
  if (isDepthwise(layer)) {
    const weight = model.weight(`${name}/filter`, { shape: [1, kh, kw, outputs], values: filter.values }, 3);
    model.put('depthwise', [input, weight, model.floats(`${name}/bias`, biases)], made, {
      options: options.depthwise(window, outputs / groups, activation),
      version: model.weights === 'int8' ? 6 : 1,
    });
    return;
  }
  // A filter of fewer channels than its map has is one in groups. [kh, kw, in, out] -> [out, kh, kw, in]
  const rows = { shape: [kh * kw * each, outputs], values: filter.values };
  const turned = { shape: [outputs, kh, kw, each], values: transposed(rows).values };
  const inGroups = model.shapeOf(x).at(-1) !== each;
  const weight = model.weight(`${name}/filter`, turned, 0, !inGroups);
  model.put('convolution', [input, weight, model.floats(`${name}/bias`, biases)], made, {
    options: options.convolution(window, activation),
    version: inGroups ? 6 : model.weights === 'int8' ? 5 : 1,
  });
}

export function writePool(layer: Pool, model: TfliteBuilder): void {
  const { op, kernel, stride, pads } = layer;
  if (op === 'max') {
    const { input, padding } = paddedInput(layer, kernel, Number.NEGATIVE_INFINITY, model);
    model.put('maxPool', [input], layer, { options: options.pool({ padding, stride }, kernel) });
    return;
  }
  // Its own padding is left out of averages; here it counts as zeros.
  const input = writePadding(model, `${layer.output}/padded`, layer.x, pads, 0);
  model.put('averagePool', [input], layer, { options: options.pool({ padding: 'valid', stride }, kernel) });
}

/** A window's input, and its padding where that has a name: else the map is padded before. */
function paddedInput(
  layer: Convolution | Pool,
  kernel: readonly [number, number],
  value: number,
  model: TfliteBuilder,
): { readonly input: number; readonly padding: keyof typeof paddings } {
  const { x, pads, output } = layer;
  if (pads.some((size) => size > 0) && isSame(layer, kernel, model)) return { input: model.get(x), padding: 'same' };
  return { input: writePadding(model, `${output}/padded`, x, pads, value), padding: 'valid' };
}

function isSame(
  { x, pads, stride, shape }: Convolution | Pool,
  kernel: readonly [number, number],
  model: TfliteBuilder,
): boolean {
  const [sizes, outputs] = [sidesOf(model.shapeOf(x)), sidesOf(shape)];
  return ([0, 1] as const).every((i) => {
    const total = Math.max(0, (outputs[i] - 1) * stride[i] + kernel[i] - sizes[i]);
    const isHalf = pads[i] === Math.floor(total / 2) && pads[i + 2] === Math.ceil(total / 2);
    return outputs[i] === Math.ceil(sizes[i] / stride[i]) && isHalf;
  });
}

/** @returns the tensor of a map with `value` around it; the map's own where there is nothing to add */
export function writePadding(model: TfliteBuilder, name: string, x: string, pads: Pads, value: number): number {
  if (pads.every((size) => size === 0)) return model.get(x);
  const made = { output: name, shape: paddedShape(model.shapeOf(x), pads) };
  return model.add(...padding(model, x, pads, value, made));
}

/** The operator that pads a map: its name, inputs, output and options. */
export function padding(
  model: TfliteBuilder,
  x: string,
  [top, left, bottom, right]: Pads,
  value: number,
  made: { readonly output: string; readonly shape: Shape },
): Parameters<TfliteBuilder['add']> {
  const inputs = [model.get(x), model.integers([0, 0, top, bottom, left, right, 0, 0], [4, 2])];
  if (value === 0) return ['pad', inputs, made, { options: options.pad }];
  const filler = model.floats(`${made.output}/value`, { shape: [1], values: Float32Array.of(value) });
  return ['padWith', [...inputs, filler], made, { options: options.padWith }];
}

function paddedShape([batch, height, width, channels]: Shape, [top, left, bottom, right]: Pads): Shape {
  return [batch, (height as number) + top + bottom, (width as number) + left + right, channels] as Shape;
}
