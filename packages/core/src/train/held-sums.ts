import type { State, StateVariable } from '../runtime/state';
import { type Tensor, tf } from '../runtime/tensorflow';
import type { Gradients } from './optimiser/gradients';

/** Sums over a process's slices of the gradients of variables of which it holds a part: no other process has any. */
export interface HeldSums {
  add(slice: Gradients): void;
  /** With the last slice, which is not added before. */
  totals(last: Gradients): ReadonlyMap<string, Tensor>;
  clear(): void;
}

/**
 * @param held the variables
 * @param options gathers: whether the process computes more slices than one; else nothing is declared
 */
export function declareHeldSums(
  state: State,
  held: readonly StateVariable[],
  { root, gathers }: { readonly root: string; readonly gathers: boolean },
): HeldSums {
  const places = held.map(({ name, shape, variable, part }) => ({
    name,
    sum: gathers
      ? state.declare(`${root}${name}`, 'slot', shape, new Float32Array(variable.size), { ...(part && { part }) })
      : undefined,
  }));
  const totals: HeldSums['totals'] = ({ gradients }) =>
    new Map(
      places.flatMap(({ name, sum }): [string, Tensor][] => {
        const gradient = gradients.get(name);
        return gradient ? [[name, sum ? tf.add(sum, gradient) : gradient]] : [];
      }),
    );
  return {
    totals,
    add(slice) {
      const all = totals(slice);
      for (const { name, sum } of places) sum?.assign(all.get(name) ?? tf.clone(sum));
    },
    clear() {
      for (const { sum } of places) sum?.assign(tf.zerosLike(sum));
    },
  };
}
