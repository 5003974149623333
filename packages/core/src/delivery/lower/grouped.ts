import type { Convolution, Slice } from '../graph';
import type { Pattern } from './lowering';

/** A convolution for each group of channels, side by side, as runtime/ops/convolution/grouped.ts computes them. */
export const grouped: Pattern = (layer, lowering) => {
  if (layer.kind !== 'concat' || layer.axis !== 3 || layer.xs.length < 2) return undefined;
  const parts = layer.xs.map((x) => lowering.layerOf(x));
  if (!parts.every(isPlain)) return undefined;
  const [first] = parts as [Convolution];
  if (!parts.every((part) => settingsOf(part) === settingsOf(first))) return undefined;
  const slices = parts.map(({ x }) => lowering.layerOf(x));
  if (!slices.every((slice): slice is Slice => slice?.kind === 'slice' && slice.axis === 3)) return undefined;
  const [{ x }] = slices as [Slice];
  const inOrder = slices.every((slice, i) => slice.x === x && slice.begin === (i === 0 ? 0 : slices[i - 1]?.end));
  if (!inOrder || slices.at(-1)?.end !== lowering.shapeOf(x)[3]) return undefined;

  const [kh, kw, each, out] = first.filter.shape as readonly [number, number, number, number];
  const outputs = out * parts.length;
  const values = new Float32Array(kh * kw * each * outputs);
  for (const [group, { filter }] of parts.entries()) {
    for (let row = 0; row < kh * kw * each; row++) {
      values.set(filter.values.subarray(row * out, (row + 1) * out), row * outputs + group * out);
    }
  }
  const { output, shape, site } = layer;
  const filter = { shape: [kh, kw, each, outputs], values };
  return [{ ...first, output, shape, site, x, filter, groups: parts.length }];
};

const isPlain = (layer: unknown): layer is Convolution => {
  const { kind, groups, bias } = (layer ?? {}) as Partial<Convolution>;
  return kind === 'convolution' && groups === 1 && bias === undefined;
};

const settingsOf = ({ filter, stride, pads }: Convolution): string => JSON.stringify([filter.shape, stride, pads]);
