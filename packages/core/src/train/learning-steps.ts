import type { Loss } from '../distill/method';
import type { Mode } from '../nn/layers';
import { partOf } from '../nn/network-parts';
import type { Program } from '../runtime/program';
import type { StateVariable } from '../runtime/state';
import type { Tensor } from '../runtime/tensorflow';
import type { Assembly } from './assemble';
import { isMixing } from './mixing';
import { sgd } from './optimiser';
import { perception } from './perception';
import type { NetworkTraining } from './settings';
import { makeTrainingStep, type TrainingStep } from './training-step';

/** What a phase of training does in its steps. */
export interface Phase {
  /** Of the step's functions in the program. */
  readonly name: string;
  /** What the optimiser's own variables begin with. */
  readonly root?: string;
  readonly variables: readonly StateVariable[];
  readonly terms: Loss['terms'];
  /** How the student's batch norm is; default: as in training. */
  readonly mode?: Mode | undefined;
  /** Follows the weights, where their average is the result. */
  readonly average?: ((share: Tensor) => void) | undefined;
}

/** Adds a phase's training step to the program. */
export function learningStep(
  program: Program,
  { role, settings, precision = 'float32' }: NetworkTraining,
  { network, teacher, cache, criterion, sampling }: Assembly,
  { name, root = '', variables, terms, mode, average }: Phase,
): TrainingStep {
  const { batchSize, accumulate, seed, momentum, weightDecay, clipNorm, backboneRate, labelSmoothing } = settings;
  const isSlower = (of: string) => of.startsWith(`${role}/`) && partOf(of) === 'backbone';
  const optimiser = sgd(program.state, variables, {
    momentum,
    weightDecay,
    rateOf: (of) => (isSlower(of) ? backboneRate : 1),
    microBatches: accumulate,
    ...(clipNorm > 0 && { clipNorm }),
    // bfloat16 reaches as far as float32; in float16 small gradients would vanish.
    ...(precision === 'float16' && { lossScale: {} }),
    root,
  });
  return makeTrainingStep(program, {
    name,
    batchSize,
    accumulate,
    size: network.description.inputSize,
    seed,
    mix: isMixing(settings) ? settings : undefined,
    optimiser,
    sampling,
    rowSize: cache?.dimension,
    losses(seen) {
      const smoothed = { ...seen, smoothing: labelSmoothing };
      const perceive = perception(network, smoothed, teacher, criterion.needs, mode);
      return () => terms(perceive());
    },
    average,
    precision,
  });
}
