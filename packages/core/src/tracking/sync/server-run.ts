import {
  type Connection,
  createRun,
  ensureExperiment,
  getRun,
  type KeyValue,
  MlflowError,
  type Run,
  searchRuns,
  setTag,
} from 'mlflow-js-client';
import type { EventOf } from '../journal/event';
import { journalTag, parentTag } from '../run-tags';

/** A run's page in MLflow's interface. The query selects the pages for training, not for language models. */
export const runPage = (uri: string, experimentId: string, runId: string): string =>
  `${uri}/#/experiments/${experimentId}/runs/${runId}?workflowType=machine_learning`;

/** Without this tag MLflow's interface treats the experiment as one of language models. */
const experimentTags = { 'mlflow.experimentKind': 'custom_model_development' };

/** The journal's run if an earlier attempt created it and lost the answer, else a new run. */
export async function findOrCreateRun(server: Connection, start: EventOf<'start'>): Promise<Run> {
  const experimentId = await ensureExperiment(server, start.experiment, experimentTags);
  const filter = `tags.\`${journalTag}\` = '${start.id}'`;
  const found = await searchRuns(server, { experimentIds: [experimentId], filter, view: 'ALL' });
  const run = found.find((each) => !isDeleted(each)) ?? found[0];
  if (run) return active(run);
  const tags = { [journalTag]: start.id };
  return createRun(server, { experimentId, name: start.name, startTime: start.time, tags });
}

/**
 * The run with this id; undefined if the server does not have it (its data were deleted, or the run was for good).
 * @throws MlflowError RUN_DELETED if the run is in MLflow's bin
 */
export async function existingRun(server: Connection, runId: string): Promise<Run | undefined> {
  try {
    return active(await getRun(server, runId));
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

/** Throws MlflowError RUN_DELETED if the run is in MLflow's bin. */
export async function requireActive(server: Connection, runId: string): Promise<void> {
  active(await getRun(server, runId));
}

const isDeleted = ({ info }: Run): boolean => info.lifecycle_stage === 'deleted';

function active(run: Run): Run {
  if (!isDeleted(run)) return run;
  const message = `the run ${run.info.run_name} was deleted in MLflow: restore it to send the rest, or delete it for good to send the whole run again`;
  throw new MlflowError(message, 'RUN_DELETED', 0);
}

/** MLflow shows a run below the run that this tag names. */
const mlflowParent = 'mlflow.parentRunId';

const tagValue = (tags: readonly KeyValue[] | undefined, name: string): string | undefined =>
  tags?.find(({ key }) => key === name)?.value;

/**
 * Puts a run below its parent, which its tags name by the parent's journal. Journals are sent in any order: if the
 * server does not have the parent yet, `adoptChildren` does this once the parent is sent.
 * @param tags those just sent
 */
export async function joinParent(server: Connection, run: Run, tags: readonly KeyValue[]): Promise<void> {
  const parent = tagValue(tags, parentTag);
  if (parent === undefined) return;
  const [found] = await findByTag(server, run, journalTag, parent);
  if (found) await setTag(server, run.info.run_id, mlflowParent, found.info.run_id);
}

/** Puts the children that were sent earlier below their parent run. */
export async function adoptChildren(server: Connection, run: Run): Promise<void> {
  const journal = tagValue(run.data.tags, journalTag);
  if (journal === undefined) return;
  for (const { info, data } of await findByTag(server, run, parentTag, journal)) {
    if (tagValue(data.tags, mlflowParent) === undefined)
      await setTag(server, info.run_id, mlflowParent, run.info.run_id);
  }
}

const findByTag = (server: Connection, { info }: Run, tag: string, value: string): Promise<Run[]> =>
  searchRuns(server, { experimentIds: [info.experiment_id], filter: `tags.\`${tag}\` = '${value}'` });

/** Whether the server or its client rejected the data itself, so that sending them again is useless. */
export function isRefusal(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError)) return false;
  const isInvalid = error.kind === 'not-sent' && ['INVALID_PARAMETER_VALUE', 'UNSAFE_PATH'].includes(error.code);
  return isInvalid || error.status === 400 || error.status === 413;
}

/** Whether the server's MLflow is too old for this call: logged models came with MLflow 3. */
export function isUnknownEndpoint(error: unknown): error is MlflowError {
  return error instanceof MlflowError && error.status === 404 && error.code !== 'RESOURCE_DOES_NOT_EXIST';
}
