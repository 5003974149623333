/**
 * An exponential moving average of a network's weights, which is a network itself: it often generalises better than
 * where the weights happen to stand (Polyak and Juditsky, 1992; Tarvainen and Valpola, arXiv 1703.01780). As in timm's
 * ModelEmaV2 (timm/utils/model_ema.py), all of the network's state is averaged, batch norm's running statistics too.
 */
import type { State, StateVariable } from '../../runtime/state';
import { type Tensor, tf } from '../../runtime/tensorflow';

const prefix = 'average/';

/** The name of a variable's average, and the root of an averaged network. */
export const averageOf = (name: string): string => `${prefix}${name}`;

/** Whether a variable of the state is an average: it follows another, and no gradient moves it. */
export const isAverage = ({ name }: StateVariable): boolean => name.startsWith(prefix);

/**
 * Gives the averages of `variables`, which are declared under `averageOf` their names, their values to start from.
 * @returns what moves them, as part of a training step after its update: by `share` (a scalar, 1 - decay) of the way
 */
export function startAverage(state: State, variables: readonly StateVariable[]): (share: Tensor) => void {
  const names = new Set(variables.map(({ name }) => name));
  const values = state.values(({ name }) => names.has(name));
  const renamed = new Map([...values].map(([name, value]) => [averageOf(name), value]));
  state.load(renamed, 'the average', isAverage, prefix);
  const pairs = variables.flatMap(({ name, variable }) => {
    const average = state.get(averageOf(name));
    return average ? [{ average: average.variable, variable }] : [];
  });
  return (share) =>
    tf.tidy(() => {
      // Written so that what does not move, a frozen head, is its own average to the bit.
      for (const { average, variable } of pairs) {
        average.assign(tf.sub(average, tf.mul(tf.sub(average, variable), share)));
      }
    });
}

/**
 * The decay of the step after `step` others. With a warm-up it is min(decay, (1 + step) / (10 + step)), so that the
 * average forgets the first weights sooner (tf.train.ExponentialMovingAverage with num_updates).
 */
export function averageDecay(decay: number, step: number, warmUp: boolean): number {
  return warmUp ? Math.min(decay, (1 + step) / (10 + step)) : decay;
}
