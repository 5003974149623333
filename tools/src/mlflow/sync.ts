/**
 * `nx run tools:sync`: sends what the journals under `runs/` still hold to MLFLOW_TRACKING_URI or the workspace's own
 * server. What was sent before is not sent again.
 */
import { join, relative } from 'node:path';
import { UserError } from '@headshare/core/runtime/user-error';
import { destinationOf } from '@headshare/core/tracking/destination';
import { replayJournal } from '@headshare/core/tracking/replay';
import fastGlob from 'fast-glob';
import { command } from './command';

command(async (signal) => {
  const root = join(__dirname, '../../..');
  const destination = destinationOf();
  const journals = await fastGlob('runs/**/journal.jsonl', { cwd: root, absolute: true });
  let damaged = 0;
  let sent = 0;
  for (const journal of journals.sort()) {
    const replay = replayJournal(journal, destination);
    const before = replay.sent();
    try {
      await replay.pass(signal);
    } catch (error) {
      // A damaged journal must not keep the others from being sent; a missing server would keep them all.
      if (!(error instanceof UserError) || replay.address() === undefined) throw error;
      console.error(error.message);
      damaged++;
      continue;
    }
    const after = replay.sent();
    if (after === undefined || after.bytes === before?.bytes) continue;
    sent++;
    console.log(`${relative(root, journal)}: sent to ${replay.address()}`);
    for (const sentence of after.refused.slice(before?.refused.length ?? 0)) console.log(`  not taken: ${sentence}`);
  }
  console.log(sent === 0 ? `Nothing to send: ${journals.length} journals are complete.` : `Sent ${sent} journals.`);
  if (damaged > 0) throw new UserError(`${damaged} journals are damaged.`, 1);
});
