/** What a network's run says for the card of its export. */
import type { CardFacts } from '../delivery/make-card';
import type { GraphOptions } from '../delivery/network-graph';
import type { Task, Usage } from '../train/evaluation/task';
import type { Source, SourceRun } from './source';
import { teacherOf, thresholdsOf } from './thresholds';

/** @param task the data of the network's run, where this machine has them */
export async function factsOf(
  { network, made }: Source,
  task: Task | undefined,
  options: GraphOptions,
): Promise<CardFacts> {
  if (!made) return {};
  const usage = task?.usage;
  return {
    ...(usage && { task: usage.kind, preparation: usage.preparation, classNames: usage.classNames }),
    ...runFacts(made),
    ...(task && { thresholds: await thresholdsOf({ network, made }, task, options) }),
    ...cautionOf(made, usage),
  };
}

function runFacts({ run }: SourceRun): Pick<CardFacts, 'run' | 'teacher' | 'metrics'> {
  const { finished, title, identity } = run;
  const teacher = teacherOf({ run });
  const backbone = teacher && identity.options[teacher.experiment]?.teacher;
  return {
    run: { key: finished.key, title, ...(finished.address !== undefined && { mlflow: finished.address }) },
    ...(teacher && typeof backbone === 'string' && { teacher: { backbone, run: teacher.key } }),
    metrics: finished.result.metrics,
  };
}

/** Why the numbers of a card say little. */
function cautionOf({ run }: SourceRun, usage: Usage | undefined): Pick<CardFacts, 'caution'> {
  const profile = run.profile === 'smoke' ? 'trained for seconds, by the profile smoke' : undefined;
  const all = [profile, usage?.caution].filter((one) => one !== undefined);
  return all.length > 0 ? { caution: all.join('; ') } : {};
}
