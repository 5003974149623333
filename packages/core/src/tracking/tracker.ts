import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { limits } from 'mlflow-js-client';
import { sentenceOf } from '../system/sentence-of';
import { type Beginning, readBeginning } from './beginning';
import { type Destination, destinationOf } from './destination';
import type { DatasetInput, JournalEvent } from './event';
import { fileEvents, type TrackedNetwork } from './file-events';
import { freshMetrics } from './fresh-metrics';
import { type Journal, openJournal } from './journal';
import { dropUnlogged } from './kept-files';
import { orderedEvents } from './ordered-events';
import { clip, flatten, validName } from './parameters';
import { forgetLostLines } from './replay/sent';
import { startSender } from './sender';
import { silentTracker } from './silent-tracker';
import { sourceTags } from './source-tags';

export interface TrackedRun {
  /** The Nx project, e.g. `face`: its runs are in MLflow's experiment `headshare/face`. */
  readonly package: string;
  /** The Nx target, e.g. `distill`. */
  readonly experiment: string;
  /** What tells the run apart in a list, e.g. `distill th-kd seed 1`. */
  readonly runName: string;
  /** The run's folder; the journal is written there. One that holds a journal already goes on with the same run. */
  readonly folder: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** A tracking server's address instead of MLFLOW_TRACKING_URI or the workspace's own server. */
  readonly trackingUri?: string;
  /** Takes sentences for the terminal; the standard error by default. */
  readonly log?: (sentence: string) => void;
}

/** Those that return nothing wait for neither the disk nor the server, and none fails the run. */
export interface Tracker {
  /** The run's own, by which others name it as their parent; undefined where it is not recorded. */
  readonly id?: string;
  /** Nested objects become dotted names. One that was told in an earlier part of the run keeps its value. */
  params(params: Readonly<Record<string, unknown>>): void;
  /** NaN and infinities are kept. A value whose step is not beyond its last one is left out: the run was resumed. */
  metrics(values: Readonly<Record<string, number>>, step: number): void;
  /** The step at which a metric was told last, in an earlier part of the run too; undefined: never yet. */
  lastStep(name: string): number | undefined;
  tags(tags: Readonly<Record<string, string>>): void;
  /** Says what the run reads; told again, it is the same. `from`: its folder or file; left out, the package draws it. */
  dataset(dataset: Omit<DatasetInput, 'source'> & { readonly from?: string | undefined }): void;
  /**
   * Keeps a file, or all files of a folder, with the run, as they are now: they may be replaced or removed at once, not
   * written in place. A model's files are with the model and are not kept again. `artifactPath`: its folder there.
   */
  artifact(path: string, artifactPath?: string): void;
  /** Puts a network among MLflow's logged models, its files as they are now. */
  model(network: TrackedNetwork): void;
  /** Resolves when all that was told so far is on the disk. */
  flush(): Promise<void>;
  /**
   * Ends the run and waits a bounded time until everything is sent. `address`: the run's page in MLflow. `note`: a
   * sentence for the user when something is not there, with what to do about it.
   */
  finish(status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<{ readonly address?: string; readonly note?: string }>;
}

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
      const shown = relative(process.cwd(), file);
      const where = shown.startsWith('..') ? file : shown;
      const notes = [
        problem &&
          `Not all of the run is in MLflow: ${problem}. ${where} keeps it, \`npx nx run tools:sync\` sends it.`,
        refused.length > 0 && `MLflow did not take everything: ${refused.map(sentenceOf).join('; ')}.`,
      ].filter(Boolean);
      return { ...(address && { address }), ...(notes.length > 0 && { note: notes.join('\n') }) };
    },
  };
}

/** Each member of a union without its `time`. */
type Untimed<T> = T extends unknown ? Omit<T, 'time'> : never;

function startSenderIfPossible(file: string, trackingUri: string | undefined, log: (sentence: string) => void) {
  const warn = (problem: string): void => log(`MLflow: ${problem}. The run goes on; its journal keeps all.`);
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

const unrecorded: Tracker = { ...silentTracker, finish: async () => ({ note: 'The run was not recorded.' }) };
