import { join, resolve } from 'node:path';
import { limits } from 'mlflow-js-client';
import { makeFolder } from '../system/make-folder.cjs';
import { sentenceOf } from '../system/sentence-of';
import type { JournalEvent } from './journal/event';
import { fileEvents } from './journal/file-events';
import { openJournal } from './journal/journal';
import { orderedEvents } from './journal/ordered-events';
import { dedupeMetrics, readResumeState } from './journal/resume-state';
import { dropOrphans } from './journal/spool';
import { clip, flatten, validName } from './parameters';
import { sourceTags } from './run-tags';
import { type Destination, destinationOf } from './sync/destination';
import { type Sender, startSender } from './sync/sender';
import { forgetLostLines } from './sync/sync-state';
import { noOpTracker, type TrackedRun, type Tracker } from './tracker';

/** Milliseconds that `finish` waits for the rest to be sent. */
const patience = 15_000;

/** Further milliseconds that it waits for the workspace's own server to start. */
const startPatience = 30_000;

/**
 * Starts recording a run: every event goes to `journal.jsonl` in the run's folder, and from there to MLflow in the
 * background. Never throws: `finish` reports a missing server, and without a writable journal nothing is recorded.
 */
export async function startTracking(run: TrackedRun): Promise<Tracker> {
  const log = run.log ?? ((sentence: string) => console.error(sentence));
  try {
    return await recordRun(run, log);
  } catch (error) {
    log(`The run is not recorded: ${sentenceOf(error)}.`);
    return { ...noOpTracker, finish: async () => ({ note: 'The run was not recorded.' }) };
  }
}

async function recordRun(run: TrackedRun, log: (sentence: string) => void): Promise<Tracker> {
  const file = join(run.folder, 'journal.jsonl');
  makeFolder(run.folder);
  const resumed = await readResumeState(file);
  dropOrphans(file, resumed.spooled);
  const journal = openJournal(file, log);
  forgetLostLines(file);
  const source = await sourceTags(`${run.package}:${run.experiment}`, run.folder);
  const events = orderedEvents(journal);
  const append = (event: Untimed<JournalEvent>): void => events.append({ time: Date.now(), ...event });
  const dedupe = dedupeMetrics(resumed.points);

  const tracker: Omit<Tracker, 'finish'> = {
    id: resumed.id,
    params: (params) => {
      const fresh = Object.entries(flatten(params)).filter(([name]) => !resumed.params.has(name));
      if (fresh.length > 0) append({ type: 'params', params: Object.fromEntries(fresh) });
    },
    metrics: (metrics, step) => {
      const time = Date.now();
      const values = dedupe(metrics, step, time);
      if (values) events.append({ time, type: 'metrics', step, values });
    },
    lastStep: (name) => resumed.points.get(validName(name))?.step,
    tags: (tags) => {
      const valid = Object.entries(tags).map(([key, value]) => [validName(key), clip(value, limits.tagLength)]);
      append({ type: 'tags', tags: Object.fromEntries(valid) });
    },
    dataset: ({ from, ...dataset }) => {
      const origin = from === undefined ? { drawnBy: run.package } : { path: resolve(from) };
      append({ type: 'dataset', dataset: { ...dataset, source: origin } });
    },
    ...fileEvents(file, events, resumed, log),
    flush: async () => {
      await events.settled();
      await journal.sync();
    },
  };
  append({ type: 'start', id: resumed.id, experiment: `headshare/${run.package}`, name: run.runName });
  tracker.tags({ ...source, ...run.tags });
  if (run.params) tracker.params(run.params);

  const sender = senderFor(file, run.trackingUri, log);
  return {
    ...tracker,
    finish: async (status) => {
      append({ type: 'finish', status });
      await events.settled();
      await journal.close();
      const { address, problem, refused } = await sender.finish(patience, startPatience);
      return {
        ...(address && { address }),
        ...(problem && { unsent: problem }),
        ...(refused.length > 0 && { note: `MLflow did not accept everything: ${refused.map(sentenceOf).join('; ')}.` }),
      };
    },
  };
}

/** Each member of a union without its `time`. */
type Untimed<T> = T extends unknown ? Omit<T, 'time'> : never;

/** Without a valid destination, a sender that sends nothing. */
function senderFor(file: string, trackingUri: string | undefined, log: (sentence: string) => void): Sender {
  const warn = (problem: string): void =>
    log(`MLflow: ${problem}. The run continues, and its journal keeps everything.`);
  let destination: Destination;
  try {
    destination = destinationOf(trackingUri);
  } catch (error) {
    const problem = sentenceOf(error);
    warn(problem);
    return { finish: async () => ({ problem, refused: [] }) };
  }
  return startSender(file, destination, warn);
}
