/**
 * An exponential moving average of a network's weights, which is itself a network and often generalises better than the
 * last weights (Polyak and Juditsky, 1992; Tarvainen and Valpola, arXiv 1703.01780). Like timm's ModelEmaV2
 * (timm/utils/model_ema.py) it averages all of the network's state, batch norm's running statistics included.
 */
import type { State, StateVariable } from '../../runtime/state';
import { type Tensor, tf } from '../../runtime/tensorflow';

const prefix = 'average/';

/** The name of a variable's average, and the root of an averaged network. */
export const averageOf = (name: string): string => `${prefix}${name}`;

/** Whether a variable is an average, which no gradient moves. */
export const isAverage = ({ name }: StateVariable): boolean => name.startsWith(prefix);

/**
 * Sets the averages of `variables`, declared under `averageOf` their names, to the variables' values.
 * @returns a function for the end of a training step that moves the averages by `share` (a scalar, 1 - decay) of the way
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
      // In this form the average of a variable that does not move, such as a frozen head, keeps its bits.
      for (const { average, variable } of pairs) {
        average.assign(tf.sub(average, tf.mul(tf.sub(average, variable), share)));
      }
    });
}

/**
 * The decay after `step` steps. With a warm-up it is min(decay, (1 + step) / (10 + step)), so that the average forgets the
 * first weights sooner (tf.train.ExponentialMovingAverage with num_updates).
 */
export function averageDecay(decay: number, step: number, warmUp: boolean): number {
  return warmUp ? Math.min(decay, (1 + step) / (10 + step)) : decay;
}
