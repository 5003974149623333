import type { Layer } from '../graph';
import type { Lowering, Pattern } from './lowering';

/** exp((x - max) - log(sum(exp(x - max)))), as tfjs and runtime/ops/cross-entropy.ts compute a softmax. */
export const softmax: Pattern = (layer, lowering) => {
  if (layer.kind !== 'elementwise' || layer.op !== 'exp') return undefined;
  const logarithm = layerBehind(layer.x, lowering);
  const x = logarithm && exponentOf(logarithm, lowering);
  if (x === undefined) return undefined;
  const { output, shape, site } = layer;
  return [{ kind: 'softmax', output, shape, site, x }];
};

/** The x of (x - max) - log(sum(exp(x - max))), along the last axis. */
function exponentOf(layer: Layer, lowering: Lowering): string | undefined {
  const [shifted, log] = operandsOf(layer, lowering);
  if (!shifted || log?.kind !== 'elementwise' || log.op !== 'log') return undefined;
  const sum = layerBehind(log.x, lowering);
  if (sum?.kind !== 'reduce' || sum.op !== 'sum' || !isLast(sum.axes, layer)) return undefined;
  const power = layerBehind(sum.x, lowering);
  if (power?.kind !== 'elementwise' || power.op !== 'exp' || power.x !== shifted.output) return undefined;
  const [, most] = operandsOf(shifted, lowering);
  if (most?.kind !== 'reduce' || most.op !== 'max' || !isLast(most.axes, layer)) return undefined;
  return shifted.kind === 'binary' && shifted.a === most.x ? most.x : undefined;
}

/** The layers of a difference's operands. */
function operandsOf(layer: Layer, lowering: Lowering): readonly (Layer | undefined)[] {
  if (layer.kind !== 'binary' || layer.op !== 'subtract') return [];
  return [layer.a, layer.b].map((one) => (typeof one === 'string' ? layerBehind(one, lowering) : undefined));
}

/** The layer that makes a value, behind reshapes that only restore a reduced axis. */
function layerBehind(name: string, lowering: Lowering): Layer | undefined {
  const layer = lowering.layerOf(name);
  return layer?.kind === 'reshape' ? lowering.layerOf(layer.x) : layer;
}

const isLast = (axes: readonly number[], { shape }: Layer): boolean =>
  axes.length === 1 && axes[0] === shape.length - 1;
