import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { folderHolder, tryLockFolder } from '../system/lock-folder';
import { lastEvent, openJournal } from '../tracking/journal/journal';
import { readFinished } from './store';

/**
 * Milliseconds after which a process of another machine that told nothing is taken for gone: it may be suspended, and
 * would write over what ends its journal. Living ones tell every few seconds.
 */
const longestSilence = 86_400_000;

/**
 * Ends the record of a run whose process was killed before it could: MLflow would show it as running for ever. It is
 * FINISHED where its result is there, else KILLED, at the time when it was last heard of; one that goes on is running
 * again.
 * @returns what it ended as; undefined where it has ended, still lives or may do so elsewhere, or is no run
 * Throws the file system's error where the folder cannot be ending.
 */
export async function closeOrphanedRun(folder: string): Promise<'FINISHED' | 'KILLED' | undefined> {
  const journal = join(folder, 'journal.jsonl');
  const isLeft = async (): Promise<boolean> => (await lastEvent(journal))?.type !== 'finish';
  if (![journal, join(folder, 'config.json')].every(existsSync) || !(await isLeft())) return undefined;
  if (folderHolder(folder) === 'unknown' && Date.now() - statSync(journal).mtimeMs < longestSilence) return undefined;
  const unlock = await tryLockFolder(folder);
  if (unlock === undefined) return undefined;
  try {
    // Whoever held the lock until now may have ended it.
    if (!(await isLeft())) return undefined;
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
