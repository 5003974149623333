/** Windows over padded or subsampled maps, which TensorFlow computes in two operations for speed or for want of a word. */
import type { Pads } from '../graph';
import type { Pattern } from './lowering';

/** A convolution or pool takes the padding of its input over. */
export const paddedWindow: Pattern = (layer, lowering) => {
  if (layer.kind !== 'convolution' && layer.kind !== 'pool') return undefined;
  const before = lowering.layerOf(layer.x);
  const wanted = layer.kind === 'pool' && layer.op === 'max' ? Number.NEGATIVE_INFINITY : 0;
  if (before?.kind !== 'pad' || before.value !== wanted) return undefined;
  // TensorFlow leaves its own padding out of averages.
  if (layer.kind === 'pool' && layer.op === 'average' && layer.pads.some((size) => size > 0)) return undefined;
  const pads = layer.pads.map((size, i) => size + (before.pads[i] as number)) as readonly number[] as Pads;
  return [{ ...layer, x: before.x, pads }];
};

/** A convolution of single pixels over every n-th pixel is one of that stride. */
export const subsampledConvolution: Pattern = (layer, lowering) => {
  if (layer.kind !== 'convolution') return undefined;
  const before = lowering.layerOf(layer.x);
  const [kh, kw] = layer.filter.shape;
  if (before?.kind !== 'subsample' || kh !== 1 || kw !== 1 || layer.pads.some((size) => size > 0)) return undefined;
  const stride = [layer.stride[0] * before.stride[0], layer.stride[1] * before.stride[1]] as const;
  return [{ ...layer, x: before.x, stride }];
};
