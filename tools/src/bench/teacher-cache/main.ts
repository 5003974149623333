import { join } from 'node:path';
import { integer, text } from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { benchmark, someOf } from '../command-line';
import { inOwnProcess } from '../measurement';
import type { CacheCase, CacheMeasurement, measureCache } from './measure';

benchmark(
  {
    name: 'bench-teacher-cache',
    summary: 'Time an epoch of distillation with the teacher in every step, and with its embeddings read from files',
    notes: [
      `Also times the writing of these files. Images are mirrored: two embeddings each. The first epoch of a training, which
compiles, is not counted.`,
    ],
    options: {
      pairs: someOf(['cifar', 'face'], 'resnet32x4 to resnet8x4; iresnet18 to MobileFaceNet'),
      types: someOf(['float32', 'float16'], 'types of the numbers in the files', ['float32']),
      method: text({ default: 'th-kd', help: 'distillation method' }),
      images: integer({ min: 100, default: 1000, help: 'images an epoch, rounded up to whole classes' }),
      epochs: integer({ min: 1, default: 2, help: 'counted epochs of a training' }),
      rounds: integer({ min: 1, default: 2, help: 'trainings of both kinds, in turn' }),
    },
  },
  async ({ pairs, types, json, ...shared }) => {
    const measured: CacheMeasurement[] = [];
    for (const pair of pairs) {
      for (const type of types) {
        process.stderr.write(`${pair}, ${type}\n`);
        const asked = { ...shared, pair, type };
        const one = await inOwnProcess<typeof measureCache>(join(__dirname, 'measure.ts'), 'measureCache', asked);
        measured.push(one);
        if (json) console.log(JSON.stringify(one));
      }
    }
    if (!json) console.log(table(measured, shared));
  },
);

function table(
  measured: readonly CacheMeasurement[],
  { method, rounds, epochs }: Omit<CacheCase, 'pair' | 'type'>,
): string {
  return terminalTable({
    columns: [
      { title: 'pair' },
      { title: 'numbers' },
      { title: 'epoch without, s', digits: 1 },
      { title: 'with, s', digits: 1 },
      { title: 'times as fast' },
      { title: 'writing files, s', digits: 1 },
      { title: 'pays after epochs', digits: 1 },
      { title: 'embeddings', digits: 0 },
      { title: 'MB', digits: 1 },
      { title: 'losses differ by' },
    ],
    rows: measured.map((one) => [
      one.pair,
      one.type,
      one.secondsWithout,
      one.secondsWith,
      one.faster,
      one.buildSeconds,
      one.paidAfterEpochs,
      one.embeddings,
      one.megabytes,
      one.lossDifference === 0 ? 'nothing' : one.lossDifference.toExponential(1),
    ]),
    notes: [`Method ${method}; medians of ${rounds} x ${epochs} epochs, both kinds in turn in one process.`],
  });
}
