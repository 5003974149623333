import type { ChosenMethod } from '../distill/combine-methods';
import type { Loss, Need } from '../distill/method';
import type { Network } from '../nn/network';
import { type NetworkShape, shapeOf } from '../nn/network-shape';
import { Scope } from '../nn/scope';
import type { State } from '../runtime/state';
import type { Task } from './task';

/** The root of what methods learn and keep for themselves. */
export const methodRoot = 'method';

/** Makes an objective's criterion for a student and its teacher; a student without one is its own. */
export function criterionFor(
  state: State,
  objective: ChosenMethod,
  pair: {
    readonly network: Network;
    readonly teacher: Network | undefined;
    /** The teacher's, where `teacher` is but a part of it. */
    readonly teacherShape?: NetworkShape | undefined;
    readonly task: Task;
    readonly seed: number;
  },
): Loss & { readonly needs: ReadonlySet<Need> } {
  const { network, teacher = network, teacherShape, task, seed } = pair;
  const { labels, classes } = task.train;
  const student = shapeOf(state, network);
  const criterion = objective.build({
    scope: Scope.root(state, methodRoot, seed),
    student,
    teacher: teacherShape ?? (teacher === network ? student : shapeOf(state, teacher)),
    labels,
    classes,
  });
  return { ...criterion, needs: objective.needs };
}
