/** Whether a folder holds an exported model and nothing else: only then may another one replace it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../system/is-record';
import { aboutName } from './about';
import { formats } from './registry';

/**
 * The path in a folder of something that no export wrote; undefined for an empty folder, and for one that holds an exported
 * model alone.
 */
export function foreignFile(folder: string): string | undefined {
  // A folder of something else may be large.
  if (!isExport(folder)) return readdirSync(folder).sort()[0];
  const own = new Set(formats.all.flatMap(({ contents = [] }) => contents));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) => !own.has(path));
}

function isExport(folder: string): boolean {
  try {
    const card: unknown = JSON.parse(readFileSync(join(folder, aboutName), 'utf8'));
    return isRecord(card) && card.madeBy === 'headshare';
  } catch {
    return false;
  }
}
