/** Layers that change nothing. */
import { type Floats, type Layer, sameShape } from '../graph';
import type { Pattern } from './lowering';

/** A reshape to the same shape. */
export const sameReshape: Pattern = (layer, lowering) =>
  layer.kind === 'reshape' && sameShape(layer.shape, lowering.shapeOf(layer.x)) ? layer.x : undefined;

/** A multiplication that undoes the one before: averages without TensorFlow's padding become ones with its zeros again. */
export const undone: Pattern = (layer, lowering) => {
  const second = scaled(layer);
  const first = second && scaled(lowering.layerOf(second.x));
  if (!first || first.by.shape.join() !== second.by.shape.join()) return undefined;
  const isUndone = first.by.values.every((value, i) => Math.abs(value * (second.by.values[i] as number) - 1) < 1e-6);
  return isUndone ? first.x : undefined;
};

function scaled(layer: Layer | undefined): { readonly x: string; readonly by: Floats } | undefined {
  if (layer?.kind !== 'binary' || layer.op !== 'multiply') return undefined;
  return typeof layer.a === 'string' && typeof layer.b !== 'string' ? { x: layer.a, by: layer.b } : undefined;
}
