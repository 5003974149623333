import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { limits } from 'mlflow-js-client';
import { sentenceOf } from '../system/sentence-of';
import { freshMetrics } from './journal/dedupe-metrics';
import type { JournalEvent } from './journal/event';
import { fileEvents } from './journal/file-events';
import { type Journal, openJournal } from './journal/journal';
import { orderedEvents } from './journal/ordered-events';
import { type Beginning, readBeginning } from './journal/resume-state';
import { dropUnlogged } from './journal/spool';
import { clip, flatten, validName } from './parameters';
import { sourceTags } from './source-tags';
import { type Destination, destinationOf } from './sync/destination';
import { startSender } from './sync/sender';
import { forgetLostLines } from './sync/sync-state';
import { noOpTracker, type TrackedRun, type Tracker } from './tracker';

/** How long `finish` waits for what is left to be sent, in milliseconds. */
const patience = 15_000;

/** How much longer it waits for a server of the workspace's own that the run has just started. */
const startPatience = 30_000;

/**
 * Starts to record a run: every event goes to `journal.jsonl` in its folder, and from there to MLflow in the background.
 * Never throws for lack of a server: `finish` says what is missing. When not even the journal can be written, it says
 * so and nothing is recorded.
 */
export async function startTracking(run: TrackedRun): Promise<Tracker> {
  const log = run.log ?? ((sentence: string) => console.error(sentence));
  const file = join(run.folder, 'journal.jsonl');
  try {
    mkdirSync(run.folder, { recursive: true });
    const beginning = await readBeginning(file);
    dropUnlogged(file, beginning.kept);
    const journal = openJournal(file, log);
    forgetLostLines(file);
    const source = await sourceTags(`${run.package}:${run.experiment}`, run.folder);
    return record(run, journal, { ...beginning, source, file, log });
  } catch (error) {
    log(`The run is not recorded: ${sentenceOf(error)}.`);
    return unrecorded;
  }
}

interface Recording extends Beginning {
  readonly source: Readonly<Record<string, string>>;
  readonly file: string;
  readonly log: (sentence: string) => void;
}

function record(
  run: TrackedRun,
  journal: Journal,
  { id, params: told, points, inModels, source, file, log }: Recording,
): Tracker {
  const events = orderedEvents(journal);
  const append = (event: Untimed<JournalEvent>): void => events.append({ time: Date.now(), ...event });
  const freshOf = freshMetrics(points);
  const flush = async (): Promise<void> => {
    await events.settled();
    await journal.sync();
  };

  const tracker = {
    params: (params: Readonly<Record<string, unknown>>) => {
      const fresh = Object.entries(flatten(params)).filter(([name]) => !told.has(name));
      if (fresh.length > 0) append({ type: 'params', params: Object.fromEntries(fresh) });
    },
    metrics: (values: Readonly<Record<string, number>>, step: number) => {
      const time = Date.now();
      const fresh = freshOf(values, step, time);
      if (fresh) events.append({ time, type: 'metrics', step, values: fresh });
    },
    lastStep: (name: string) => points.get(validName(name))?.step,
    tags: (tags: Readonly<Record<string, string>>) => {
      const valid = Object.entries(tags).map(([key, value]) => [validName(key), clip(value, limits.tagLength)]);
      append({ type: 'tags', tags: Object.fromEntries(valid) });
    },
    dataset: ({ from, ...dataset }: Parameters<Tracker['dataset']>[0]) => {
      const source = from === undefined ? { drawnBy: run.package } : { path: resolve(from) };
      append({ type: 'dataset', dataset: { ...dataset, source } });
    },
    ...fileEvents(file, events, { points, inModels }, log),
    flush,
  };
  append({ type: 'start', id, experiment: `headshare/${run.package}`, name: run.runName });
  tracker.tags({ ...source, ...run.tags });
  if (run.params) tracker.params(run.params);

  const sender = startSenderIfPossible(file, run.trackingUri, log);
  return {
    id,
    ...tracker,
    finish: async (status) => {
      append({ type: 'finish', status });
      await events.settled();
      await journal.close();
      const { address, problem, refused } = await sender.finish(patience, startPatience);
      return {
        ...(address && { address }),
        ...(problem && { unsent: problem }),
        ...(refused.length > 0 && { note: `MLflow did not take everything: ${refused.map(sentenceOf).join('; ')}.` }),
      };
    },
  };
}

/** Each member of a union without its `time`. */
type Untimed<T> = T extends unknown ? Omit<T, 'time'> : never;

function startSenderIfPossible(file: string, trackingUri: string | undefined, log: (sentence: string) => void) {
  const warn = (problem: string): void =>
    log(`MLflow: ${problem}. Training continues; the run's journal keeps everything.`);
  let destination: Destination;
  try {
    destination = destinationOf(trackingUri);
  } catch (error) {
    const problem = sentenceOf(error);
    warn(problem);
    return { finish: async () => ({ address: undefined, problem, refused: [] }) };
  }
  return startSender(file, destination, warn);
}

const unrecorded: Tracker = { ...noOpTracker, finish: async () => ({ note: 'The run was not recorded.' }) };
