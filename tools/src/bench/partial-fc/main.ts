import { join } from 'node:path';
import { integer, list, number } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print } from '../command-line';
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
        // In another process, so that memory which a case does not free does not count for the next.
        const asked = { classes: count, share, dimension, batch, steps };
        measured.push(await inOwnProcess<typeof measureHead>(join(__dirname, 'measure.ts'), 'measureHead', asked));
      }
    }
    print(
      json,
      measured,
      [
        ['classes', (one) => one.classes, 0],
        ['in a step', (one) => one.sampled, 0],
        ['ms a step, median', (one) => one.millisecondsMedian, 1],
        ['best', (one) => one.millisecondsBest, 1],
        ['sampling, ms', (one) => one.drawMillisecondsMedian, 2],
        ['weights and momentum, MB', (one) => one.headBytes / 1e6, 0],
        ['resident before, MB', (one) => one.residentBefore / 1e6, 0],
        ['peak of steps', (one) => one.residentPeak / 1e6, 0],
      ],
      [`Batches of ${batch}, ${dimension} dimensions; each case in its own process.`],
    );
  },
);
