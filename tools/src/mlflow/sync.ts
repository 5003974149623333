/** `nx run tools:sync`: sends what journals still hold. */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { destinationOf } from '@headshare/core/tracking/sync/destination';
import fastGlob from 'fast-glob';
import { command } from './command';
import { syncJournals } from './sync-journals';
import { readSyncOptions, syncUsage } from './sync-options';

const root = join(__dirname, '../../..');

command(async (signal) => {
  const { run = 'runs', restore, help } = readSyncOptions(process.argv.slice(2));
  if (help) {
    console.log(syncUsage);
    return;
  }
  const folder = resolve(root, run);
  const journals = existsSync(folder) ? await fastGlob('**/journal.jsonl', { cwd: folder, absolute: true }) : [];
  if (journals.length === 0 && run !== 'runs') {
    throw new UserError(
      `--run: there is no journal.jsonl in ${folder}; a run's folder is runs/PACKAGE/EXPERIMENT/KEY.`,
    );
  }
  const nameOf = (journal: string): string => {
    const shown = relative(root, journal);
    return shown.startsWith('..') ? journal : shown;
  };
  const how = { destination: destinationOf(), restore, signal, nameOf };
  const { sent, failed } = await syncJournals(journals.sort(), how).catch((error) => {
    if (signal.aborted) console.error('Interrupted: the next call goes on where this one has ended.');
    throw error;
  });
  if (sent > 0) console.log(`Sent ${counted(sent)}.`);
  else if (failed === 0) console.log(`Nothing to send: ${counted(journals.length)} complete.`);
  if (failed > 0) throw new UserError(`${counted(failed)} could not be sent to the end.`, 1);
});

const counted = (journals: number): string => (journals === 1 ? '1 journal' : `${journals} journals`);
