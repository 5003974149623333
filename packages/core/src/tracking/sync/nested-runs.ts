import { type Connection, type KeyValue, type Run, searchRuns, setTag } from 'mlflow-js-client';
import { journalTag, parentTag } from '../run-tags';

/** MLflow shows a run below the one that it names by this tag. */
const mlflowParent = 'mlflow.parentRunId';

const tagValue = (tags: readonly KeyValue[] | undefined, name: string): string | undefined =>
  tags?.find(({ key }) => key === name)?.value;

/**
 * Puts a run below its parent, which its tags name by the parent's journal. Journals are sent in any order: where the
 * server does not know the parent yet, `adoptChildren` does it when the parent has been sent.
 * @param tags that have just been sent
 */
export async function joinParent(server: Connection, run: Run, tags: readonly KeyValue[]): Promise<void> {
  const parent = tagValue(tags, parentTag);
  if (parent === undefined) return;
  const [found] = await findByTag(server, run, journalTag, parent);
  if (found) await setTag(server, run.info.run_id, mlflowParent, found.info.run_id);
}

/** Puts the runs below a run that named it as their parent before the server knew it. */
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
