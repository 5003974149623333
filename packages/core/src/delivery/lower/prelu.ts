import type { Pattern } from './lowering';

/** relu(x) + slope (x - relu(x)), as runtime/ops/activation.ts computes a PReLU. */
export const prelu: Pattern = (layer, lowering) => {
  if (layer.kind !== 'binary' || layer.op !== 'add') return undefined;
  const { a, b } = layer;
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  const [positive, scaled] = [lowering.layerOf(a), lowering.layerOf(b)];
  if (positive?.kind !== 'elementwise' || positive.op !== 'relu') return undefined;
  if (scaled?.kind !== 'binary' || scaled.op !== 'multiply') return undefined;
  const [slope, negative] = typeof scaled.a === 'string' ? [scaled.b, scaled.a] : [scaled.a, scaled.b];
  if (typeof slope === 'string' || typeof negative !== 'string') return undefined;
  const rest = lowering.layerOf(negative);
  const { x } = positive;
  if (rest?.kind !== 'binary' || rest.op !== 'subtract' || rest.a !== x || rest.b !== positive.output) return undefined;
  if (slope.shape.length !== 1 || slope.shape[0] !== layer.shape.at(-1)) return undefined;
  return [{ kind: 'prelu', output: layer.output, shape: layer.shape, site: layer.site, x, slope }];
};
