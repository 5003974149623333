import {
  type Connection,
  createRun,
  ensureExperiment,
  getRun,
  MlflowError,
  type Run,
  searchRuns,
} from 'mlflow-js-client';
import type { EventOf } from '../journal/event';
import { journalTag } from '../run-tags';

/** Without it MLflow's interface takes the experiment for one with language models, and shows their pages. */
const experimentTags = { 'mlflow.experimentKind': 'custom_model_development' };

/** The run that this journal began on the server before, if the answer was lost; a new one otherwise. */
export async function findOrCreateRun(server: Connection, start: EventOf<'start'>): Promise<Run> {
  const experimentId = await ensureExperiment(server, start.experiment, experimentTags);
  const filter = `tags.\`${journalTag}\` = '${start.id}'`;
  const found = await searchRuns(server, { experimentIds: [experimentId], filter, view: 'ALL' });
  const active = found.find((run) => !isDeleted(run)) ?? found[0];
  if (active) return whereActive(active);
  const tags = { [journalTag]: start.id };
  return createRun(server, { experimentId, name: start.name, startTime: start.time, tags });
}

/**
 * The run of that id; undefined where the server has none: its data were deleted, or the run for good.
 * Throws MlflowError RUN_DELETED where it is in MLflow's bin.
 */
export async function existingRun(server: Connection, runId: string): Promise<Run | undefined> {
  try {
    return whereActive(await getRun(server, runId));
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

/** Throws MlflowError RUN_DELETED where the run is in MLflow's bin. */
export async function requireActive(server: Connection, runId: string): Promise<void> {
  whereActive(await getRun(server, runId));
}

const isDeleted = ({ info }: Run): boolean => info.lifecycle_stage === 'deleted';

function whereActive(run: Run): Run {
  if (!isDeleted(run)) return run;
  throw new MlflowError(
    `the run ${run.info.run_name} was deleted there: its rest is sent once it is restored, and all of it once it is deleted for good`,
    'RUN_DELETED',
    0,
  );
}
