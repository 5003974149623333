import { basename, dirname, posix, relative } from 'node:path';
import { sentenceOf } from '../../system/sentence-of';
import { flatten, validName } from '../parameters';
import type { TrackedNetwork } from '../tracker';
import type { JournalEvent, LoggedFile, LoggedNetwork, MetricPoint } from './event';
import type { OrderedEvents } from './ordered-events';
import { fileKey, type ResumeState } from './resume-state';
import { dropSpooled, filesBelow, spoolFile, spoolText } from './spool';

/** The tracker's methods that log files: they return before the files have been read. */
export function fileEvents(
  journal: string,
  events: OrderedEvents,
  { points, modelFiles }: Pick<ResumeState, 'points' | 'modelFiles'>,
  warn: (sentence: string) => void,
) {
  const logFile = (path: string, folder: string): void => {
    const time = Date.now();
    const logged = async (): Promise<JournalEvent | undefined> => {
      const file = await spoolFile(journal, path);
      if (!modelFiles.has(fileKey(file))) return { time, type: 'artifact', folder, ...file };
      dropSpooled(journal, [file]);
      return undefined;
    };
    // A file that cannot be spooled may still exist when it is sent.
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
    const example = inputExample && spoolText(journal, exampleFile, JSON.stringify(inputExample));
    // Linked before this returns: the caller may then replace the files.
    const spooled = [...(example ? [example] : []), ...files.map((path) => spoolFile(journal, path))];
    const logged = async (): Promise<JournalEvent> => {
      const entries = await allOrNone(journal, spooled);
      // Files are read one after another, so this happens before one of these is read again as an artifact.
      for (const entry of entries) modelFiles.add(fileKey(entry));
      return { time, type: 'model', model: { ...rest, files: entries } };
    };
    events.later(
      logged().catch((error: unknown) => {
        warn(`The ${network.name} is not logged as a model: ${sentenceOf(error)}.`);
        return undefined;
      }),
    );
  };

  const artifact = (path: string, artifactPath = ''): void => {
    for (const [each, folder] of filesBelow(path)) logFile(each, posix.join(artifactPath, folder));
  };
  return { artifact, model };
}

/** Drops all files of a model from the spool if one of them could not be spooled. */
async function allOrNone(journal: string, files: readonly Promise<LoggedFile>[]): Promise<readonly LoggedFile[]> {
  const settled = await Promise.allSettled(files);
  const failed = settled.find((one) => one.status === 'rejected');
  const spooled = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return spooled;
  dropSpooled(journal, spooled);
  throw failed.reason;
}

/** The name that MLflow's own client gives to a model's input example. */
const exampleFile = 'input_example.json';

/** The run's own last point of the metric if it has this value, so that MLflow stores it once; else a new point. */
function pointOf(points: ReadonlyMap<string, MetricPoint>, name: string, value: number, time: number): MetricPoint {
  const last = points.get(name);
  return last && Object.is(last.value, value) ? { ...last } : { name, value, step: last?.step ?? 0, time };
}
