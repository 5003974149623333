import type { PlannedStage, Settings, Stage, StageResult } from './define';
import { commandOf, findFinished, planRun } from './plan-run';
import type { Session } from './run-stage';
import { resolveAll } from './settings';

/** Plans a stage and, under the same settings, what it needs. Throws UserError for settings that one cannot run under. */
export async function planStage<R extends StageResult>(
  experiment: Stage<R>,
  settings: Settings,
  session: Session,
): Promise<PlannedStage<R>> {
  const plan = await planRun(experiment, settings, session);
  const needs: PlannedStage[] = [];
  for (const other of Object.values(experiment.needs)) needs.push(await planStage(other, settings, session));
  return {
    experiment,
    key: plan.key,
    folder: plan.folder,
    options: resolveAll(experiment, settings),
    needs,
    command: commandOf(experiment, settings, session.catalog),
    async finished() {
      const run = await findFinished(plan, session);
      if (run === undefined) return undefined;
      const { seconds, address, digests } = run;
      // The run with this key was made by `experiment.start`, whose result is an R; JSON keeps plain data as it was.
      return {
        result: run.result as R,
        seconds,
        ...(address !== undefined && { address }),
        ...(digests && { digests }),
      };
    },
  };
}
