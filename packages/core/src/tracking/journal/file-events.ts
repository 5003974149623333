import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { sentenceOf } from '../../system/sentence-of';
import { flatten, validName } from '../parameters';
import type { JournalEvent, LoggedFile, LoggedNetwork, MetricPoint } from './event';
import type { OrderedEvents } from './ordered-events';
import { type Beginning, inModel } from './resume-state';
import { dropKept, keepContent, keepFile } from './spool';

/** A network to be put among MLflow's logged models, with its files and all that it was made with. */
export interface TrackedNetwork extends Pick<LoggedNetwork, 'name' | 'kind' | 'inputs' | 'outputs'> {
  /** Paths; the first is its checkpoint. */
  readonly files: readonly [checkpoint: string, ...others: string[]];
  /** An input of that signature, by the inputs' names. */
  readonly inputExample?: Readonly<Record<string, unknown>>;
  /** Nested objects become dotted names. */
  readonly params: Readonly<Record<string, unknown>>;
  /** What it was measured at; of metrics that the run has, the last values. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Writes what has files to a journal: the caller does not wait until they are read. */
export function fileEvents(
  journal: string,
  events: OrderedEvents,
  { points, inModels }: Pick<Beginning, 'points' | 'inModels'>,
  warn: (sentence: string) => void,
) {
  const logFile = (path: string, folder: string): void => {
    const time = Date.now();
    const logged = async (): Promise<JournalEvent | undefined> => {
      const kept = await keepFile(journal, path);
      if (!inModels.has(inModel(kept))) return { time, type: 'artifact', folder, ...kept };
      dropKept(journal, [kept]);
      return undefined;
    };
    // A file that cannot be kept may still be there when it is sent.
    events.later(logged(), { time, type: 'artifact', folder, path: relative(dirname(journal), path) });
  };

  const model = ({ files, inputExample, params, metrics, ...network }: TrackedNetwork): void => {
    const time = Date.now();
    const rest: Omit<LoggedNetwork, 'files'> = {
      ...network,
      checkpoint: basename(files[0]),
      ...(inputExample && { inputExample: exampleFile }),
      params: flatten(params),
      points: Object.entries(metrics).map(([key, value]) => pointOf(points, validName(key), value, time)),
    };
    const example = inputExample && keepContent(journal, exampleFile, JSON.stringify(inputExample));
    // At once: the caller may replace the files when this returns.
    const kept = [...(example ? [example] : []), ...files.map((path) => keepFile(journal, path))];
    const logged = async (): Promise<JournalEvent> => {
      const entries = await allOrNone(journal, kept);
      // Before the next file is read, which may be one of these as an artifact: files are read one after another.
      for (const entry of entries) inModels.add(inModel(entry));
      return { time, type: 'model', model: { ...rest, files: entries } };
    };
    events.later(
      logged().catch((error: unknown) => {
        warn(`The ${network.name} is not among MLflow's models: ${sentenceOf(error)}.`);
        return undefined;
      }),
    );
  };

  const artifact = (path: string, artifactPath = ''): void => {
    for (const [each, folder] of filesBelow(path)) logFile(each, posix.join(artifactPath, folder));
  };
  return { artifact, model };
}

/** Of a model that cannot be kept whole nothing is kept. */
async function allOrNone(journal: string, files: readonly Promise<LoggedFile>[]): Promise<readonly LoggedFile[]> {
  const settled = await Promise.allSettled(files);
  const failed = settled.find((one) => one.status === 'rejected');
  const kept = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return kept;
  dropKept(journal, kept);
  throw failed.reason;
}

/** What an input example is called among a model's files, as MLflow's own client calls it. */
const exampleFile = 'input_example.json';

/** The run's own last point of that metric, where it has that value: it is then no other one. */
function pointOf(points: ReadonlyMap<string, MetricPoint>, name: string, value: number, time: number): MetricPoint {
  const last = points.get(name);
  return last && Object.is(last.value, value) ? { ...last } : { name, value, step: last?.step ?? 0, time };
}

/** The files of a path, each with its folder from there on, '' where the path itself is a file (or nothing). */
function filesBelow(path: string): readonly (readonly [file: string, folder: string])[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [[path, '']];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [
      join(entry.parentPath, entry.name),
      relative(dirname(path), entry.parentPath).split(sep).join('/'),
    ]);
}
