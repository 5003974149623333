import { join } from 'node:path';
import { integer, list, number } from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark } from '../command-line';
import { inOwnProcess } from '../measurement';
import type { HeadMeasurement, measureHead } from './measure';

benchmark(
  {
    name: 'bench-partial-fc',
    summary:
      'Time a training step of a face head without a backbone, over all classes and over a share of them (Partial FC)',
    options: {
      classes: list(integer({ min: 1, help: '' }), {
        default: [93_431],
        help: 'numbers of classes; by default as many as MS1M-V3 has',
      }),
      shares: list(number({ above: 0, max: 1, help: '' }), {
        default: [1, 0.1],
        help: 'shares of the classes in a step',
      }),
      dimension: integer({ min: 1, default: 512, help: 'length of an embedding' }),
      images: integer({ min: 1, default: 64, help: 'images a step' }),
      steps: integer({ min: 1, default: 10, help: 'steps of each case, after two that are not counted' }),
    },
  },
  async ({ classes, shares, dimension, images: batch, steps, json }) => {
    const measured: HeadMeasurement[] = [];
    if (Math.min(...classes) < batch) throw new UserError(`--classes must be at least --images, ${batch}`);
    for (const count of classes) {
      for (const share of shares) {
        process.stderr.write(`${count} classes, share ${share}\n`);
        // In a process of its own, so that memory which one case leaves behind does not count for the next.
        const asked = { classes: count, share, dimension, batch, steps };
        measured.push(await inOwnProcess<typeof measureHead>(join(__dirname, 'measure.ts'), 'measureHead', asked));
      }
    }
    if (json) for (const one of measured) console.log(JSON.stringify(one));
    else console.log(table(measured, `Batches of ${batch}, ${dimension} dimensions; each case in its own process.`));
  },
);

function table(measured: readonly HeadMeasurement[], note: string): string {
  return terminalTable({
    columns: [
      { title: 'classes', digits: 0 },
      { title: 'in a step', digits: 0 },
      { title: 'ms a step, median', digits: 1 },
      { title: 'best', digits: 1 },
      { title: 'sampling, ms', digits: 2 },
      { title: 'weights and momentum, MB', digits: 0 },
      { title: 'resident before, MB', digits: 0 },
      { title: 'peak of steps', digits: 0 },
    ],
    rows: measured.map((one) => [
      one.classes,
      one.sampled,
      one.millisecondsMedian,
      one.millisecondsBest,
      one.drawMillisecondsMedian,
      one.headBytes / 1e6,
      one.residentBefore / 1e6,
      one.residentPeak / 1e6,
    ]),
    notes: [note],
  });
}
