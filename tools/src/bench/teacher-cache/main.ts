import { join } from 'node:path';
import { integer, text } from '@headshare/core/experiment/option';
import { benchmark, print, someOf } from '../command-line';
import { inOwnProcess } from '../measurement';
import type { CacheMeasurement, measureCache } from './measure';

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
        measured.push(await inOwnProcess<typeof measureCache>(join(__dirname, 'measure.ts'), 'measureCache', asked));
      }
    }
    const { method, rounds, epochs } = shared;
    print(
      json,
      measured,
      [
        ['pair', (one) => one.pair],
        ['numbers', (one) => one.type],
        ['epoch without, s', (one) => one.secondsWithout, 1],
        ['with, s', (one) => one.secondsWith, 1],
        ['times as fast', (one) => one.faster],
        ['writing files, s', (one) => one.buildSeconds, 1],
        ['pays after epochs', (one) => one.paidAfterEpochs, 1],
        ['embeddings', (one) => one.embeddings, 0],
        ['MB', (one) => one.megabytes, 1],
        ['losses differ by', (one) => (one.lossDifference === 0 ? 'nothing' : one.lossDifference.toExponential(1))],
      ],
      [`Method ${method}; medians of ${rounds} x ${epochs} epochs, both kinds in turn in one process.`],
    );
  },
);
