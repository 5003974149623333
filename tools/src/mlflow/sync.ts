/** `nx run tools:sync`: sends the unsent data of journals to MLflow. */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { readCommand } from '@headshare/core/experiment/arguments';
import { commandHelp } from '@headshare/core/experiment/command';
import { flag, optional, text } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { destinationOf } from '@headshare/core/tracking/sync/destination';
import fastGlob from 'fast-glob';
import { command } from '../command';
import { syncJournals } from './sync-journals';

const root = join(__dirname, '../../..');

const sync = {
  summary: "Send the unsent data of runs to the server at MLFLOW_TRACKING_URI or to the workspace's own MLflow server",
  usage: 'tools:sync [--option=value ...]',
  options: {
    run: optional(
      text({ placeholder: 'DIR', valid: "a run's folder", help: 'the run, or the runs, in this folder' }),
      'all in runs/',
    ),
    restore: flag({ help: 'send again runs that the server lost; deleted runs stay deleted' }),
  },
};

const notes = [
  'Data that was sent before is not sent again. A killed run ends as KILLED, or as FINISHED if its result exists;\nit can still be resumed.',
];

command(async (signal) => {
  const { help, values } = readCommand(process.argv.slice(2), sync.options, 0);
  if (help) return console.log(commandHelp(sync, notes));
  const { run = 'runs', restore } = values;
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
  const { sent, failed } = await syncJournals(journals.sort(), how);
  if (sent > 0) console.log(`Sent ${counted(sent)}.`);
  else if (failed === 0) console.log(`Nothing to send: ${counted(journals.length)} complete.`);
  if (failed > 0) throw new UserError(`${counted(failed)} could not be sent to the end.`, 1);
}, 'Interrupted: the next call continues where this one stopped.');

const counted = (journals: number): string => (journals === 1 ? '1 journal' : `${journals} journals`);
