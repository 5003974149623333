/** The normalisation of images, as nn/normalisation.ts computes it. */
import { type Binary, type Floats, sameShape } from '../graph';
import type { Lowering, Pattern } from './lowering';

/** (x - mean) / deviation; `rows`: for a row of pixels at a time, whose colours repeat. */
export const colours: Pattern = (layer, lowering) => {
  if (layer.kind !== 'reshape') return undefined;
  const divided = byConstant(layer.x, 'divide', lowering);
  const moved = divided && byConstant(divided.x, 'subtract', lowering);
  if (!moved) return undefined;
  const rows = lowering.layerOf(moved.x);
  const x = rows?.kind === 'reshape' ? rows.x : moved.x;
  const shape = lowering.shapeOf(x);
  const channels = shape.at(-1);
  if (shape.length !== 4 || typeof channels !== 'number' || !sameShape(shape, layer.shape)) return undefined;
  const [mean, deviation] = [perColour(moved.by, channels), perColour(divided.by, channels)];
  if (!mean || !deviation) return undefined;
  const { output, site } = layer;
  const centred = `${output}_centred`;
  // One multiplication takes a fraction of the time of a division, and all formats do as they are told.
  const factor = { shape: deviation.shape, values: deviation.values.map((value) => 1 / value) };
  const made: Binary[] = [];
  const isCentred = mean.values.every((value) => value === 0);
  if (!isCentred) made.push({ kind: 'binary', op: 'subtract', output: centred, shape, site, a: x, b: mean });
  if (factor.values.every((value) => value === 1)) return isCentred ? x : made.map((one) => ({ ...one, output }));
  made.push({ kind: 'binary', op: 'multiply', output, shape, site, a: isCentred ? x : centred, b: factor });
  return made;
};

function byConstant(
  name: string,
  op: Binary['op'],
  lowering: Lowering,
): { readonly x: string; readonly by: Floats } | undefined {
  const layer = lowering.layerOf(name);
  if (layer?.kind !== 'binary' || layer.op !== op) return undefined;
  return typeof layer.a === 'string' && typeof layer.b !== 'string' ? { x: layer.a, by: layer.b } : undefined;
}

/** One value for each colour; undefined where the values of a row do not repeat. */
function perColour({ values }: Floats, channels: number): Floats | undefined {
  const colour = (i: number) => values[values.length === 1 ? 0 : i % channels];
  if (!values.every((value, i) => value === colour(i))) return undefined;
  return { shape: [channels], values: Float32Array.from({ length: channels }, (_, i) => colour(i) as number) };
}
