import { type Activation, activate } from '../runtime/ops/activation';
import type { Tensor4D } from '../runtime/tensorflow';
import type { ApplyOptions, BackboneOutput } from './backbone';
import type { Mode } from './layers';

/** A block whose last step is an activation, done with what is before it; none: its output is the map before that. */
export type Block = (x: Tensor4D, mode: Mode, activation: Activation | undefined) => Tensor4D;

/**
 * Runs stages of blocks that all end in `activation`, one behind the other, on a stem's map.
 * Only where preactivations are asked for is the last activation of a stage a pass of its own.
 */
export function runStages(
  stem: Tensor4D,
  stages: readonly (readonly Block[])[],
  mode: Mode,
  { activation, preactivations = false }: ApplyOptions & { readonly activation: Activation },
): Pick<BackboneOutput, 'features' | 'preactivations'> {
  const features = [stem];
  const before = [stem];
  for (const blocks of stages) {
    const input = features.at(-1) as Tensor4D;
    const output = blocks.reduce((x, block, index) => {
      const last = preactivations && index === blocks.length - 1;
      return block(x, mode, last ? undefined : activation);
    }, input);
    features.push(preactivations ? activate(output, activation) : output);
    if (preactivations) before.push(output);
  }
  return preactivations ? { features, preactivations: before } : { features };
}
