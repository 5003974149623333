/**
 * A process that writes a journal on a small disk: `full-disk-child.ts FILE ID LONGEST_QUEUE BEFORE AFTER`. It logs BEFORE
 * steps, prints `full`, waits for a line on its standard input, logs AFTER steps, and ends.
 */
import { once } from 'node:events';
import { openJournal } from '../src/tracking/journal/journal';

const [file = '', id = '', longestQueue, before, after] = process.argv.slice(2);

// Without a listener, exceeding the file size limit kills the process.
process.on('SIGXFSZ', () => undefined);

async function main(): Promise<void> {
  const journal = openJournal(file, (sentence) => console.log(sentence), { longestQueue: Number(longestQueue) });
  let step = 0;
  const log = async (steps: number): Promise<void> => {
    for (const end = step + steps; step < end; step++) {
      journal.append({
        time: 1000 + step,
        type: 'metrics',
        step,
        values: { loss: 1 / (step + 1), accuracy: step / 7 },
      });
      if (step % 10 === 0) await journal.flush();
    }
    await journal.flush();
  };
  journal.append({ time: 1000, type: 'start', id, experiment: 'headshare/face', name: 'full disk' });
  journal.append({ time: 1000, type: 'params', params: { epochs: '3' } });
  await log(Number(before));
  console.log('full');
  await once(process.stdin, 'data');
  await log(Number(after));
  journal.append({ time: 9000, type: 'finish', status: 'FINISHED' });
  await journal.close();
  process.stdin.destroy();
}

main();
