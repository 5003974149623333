import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { folderHolder, tryLockFolder } from '../system/lock';
import { lastEvent, openJournal } from '../tracking/journal/journal';
import { readFinished } from './store';

/**
 * Milliseconds of silence after which a process on another machine counts as dead; a suspended one would overwrite the
 * end of its journal. Living processes write every few seconds.
 */
const longestSilence = 86_400_000;

/**
 * Closes the record of a run whose process was killed, so that MLflow does not show it as running for ever: FINISHED if
 * its result exists, else KILLED, at the time of its last event. A resumed run is running again.
 * @returns the status; undefined if the record is closed, the process may be alive, or the folder is not a run's
 * Throws the file system's error if the folder cannot be written.
 */
export async function closeOrphanedRun(folder: string): Promise<'FINISHED' | 'KILLED' | undefined> {
  const journal = join(folder, 'journal.jsonl');
  const isOpen = async (): Promise<boolean> => (await lastEvent(journal))?.type !== 'finish';
  if (![journal, join(folder, 'config.json')].every(existsSync) || !(await isOpen())) return undefined;
  if (folderHolder(folder) === 'unknown' && Date.now() - statSync(journal).mtimeMs < longestSilence) return undefined;
  const unlock = await tryLockFolder(folder);
  if (unlock === undefined) return undefined;
  try {
    // The process that held the lock may have closed it.
    if (!(await isOpen())) return undefined;
    const time = (await lastEvent(journal))?.time ?? Date.now();
    const status = (await readFinished(folder)) === undefined ? 'KILLED' : 'FINISHED';
    const problems: string[] = [];
    const ending = openJournal(journal, (sentence) => problems.push(sentence));
    if (status === 'FINISHED') ending.append({ time, type: 'artifact', folder: '', path: 'result.json' });
    ending.append({ time, type: 'finish', status });
    await ending.close();
    return problems.length === 0 ? status : undefined;
  } finally {
    await unlock();
  }
}
