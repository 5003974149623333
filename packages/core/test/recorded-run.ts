import { connect, fromKeyValues, getExperimentByName, getMetricHistory, type Run, searchRuns } from 'mlflow-js-client';
import { readJournal } from '../src/tracking/journal/journal';
import { journalTag } from '../src/tracking/run-tags';

/** A run read from a journal or a server. */
export interface RecordedRun {
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** The steps, values and times of all points in order, by metric name. */
  readonly metrics: Readonly<Record<string, readonly (readonly [step: number, value: number, time: number])[]>>;
  readonly status?: string;
}

/** Reads the run of a journal, without damaged lines. */
export async function runInJournal(journal: string): Promise<RecordedRun & { id: string; experiment: string }> {
  const params: Record<string, string> = {};
  const tags: Record<string, string> = {};
  const metrics: Record<string, [number, number, number][]> = {};
  let [id, experiment, status] = ['', '', 'RUNNING'];
  for await (const { event } of readJournal(journal)) {
    if (event.type === 'start') ({ id, experiment } = event);
    else if (event.type === 'params') Object.assign(params, event.params);
    else if (event.type === 'tags') Object.assign(tags, event.tags);
    else if (event.type === 'finish') status = event.status;
    else if (event.type === 'metrics') {
      for (const [name, value] of Object.entries(event.values)) {
        metrics[name] ??= [];
        metrics[name].push([event.step, value, event.time]);
      }
    }
  }
  return { id, experiment, params, tags, metrics, status };
}

/** Reads the server's run of a journal. Throws unless there is exactly one. */
export async function runOnServer(uri: string, journal: string): Promise<RecordedRun & { run: Run }> {
  const { id, experiment } = await runInJournal(journal);
  const server = connect(uri);
  const experimentIds = [(await getExperimentByName(server, experiment))?.experiment_id ?? 'none'];
  const filter = `tags.\`${journalTag}\` = '${id}'`;
  const runs = await searchRuns(server, { experimentIds, filter });
  const [run] = runs;
  if (!run || runs.length > 1) throw new Error(`the server has ${runs.length} runs of ${journal}`);
  // The journal does not contain these two tags.
  const { [journalTag]: _, 'mlflow.runName': __, ...tags } = fromKeyValues(run.data.tags);
  const metrics: Record<string, [number, number, number][]> = {};
  for (const { key } of run.data.metrics ?? []) {
    const history = await getMetricHistory(server, run.info.run_id, key);
    metrics[key] = history.map(({ step, value, timestamp }) => [step, value, timestamp]);
  }
  return { run, params: fromKeyValues(run.data.params), tags, metrics, status: run.info.status };
}

/** Fails unless the server and the journal have the same content. */
export async function expectAllOnServer(uri: string, journal: string): Promise<Run> {
  const { id: _, experiment: __, ...logged } = await runInJournal(journal);
  const { run, ...recorded } = await runOnServer(uri, journal);
  expect(recorded).toEqual(logged);
  return run;
}
