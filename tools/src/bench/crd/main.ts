import { integer } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print } from '../command-line';
import { measureCrd } from './measure';

benchmark(
  {
    name: 'bench-crd',
    summary:
      "Time a step of CRD's loss for two sizes of its memories, from embeddings to gradients and updated memories",
    options: {
      rows: integer({ min: 1, default: 1_200_000, help: 'rows of each memory: one per training image' }),
      few: integer({ min: 1, default: 50_000, help: 'rows to compare with, in the same process' }),
      negatives: integer({ min: 1, default: 16_384, help: 'negatives per image' }),
      dimension: integer({ min: 1, default: 128, help: 'length of a row' }),
      images: integer({ min: 1, default: 64, help: 'images a step' }),
      steps: integer({ min: 3, default: 10, help: 'steps a round; the first two of all are not counted' }),
      rounds: integer({ min: 1, default: 3, help: 'rounds, over both sizes in turn' }),
    },
  },
  async ({ rows, few, negatives, dimension, images: batch, steps, rounds, json }) => {
    if (Math.min(few, rows) < batch) throw new UserError(`--few and --rows must be at least --images, ${batch}`);
    const cases = [few, rows].map((count) => ({ negatives, dimension, batch, rows: count }));
    const measured = await measureCrd(cases, { steps, rounds });
    const first = measured[0]?.millisecondsMedian ?? Number.NaN;
    print(
      json,
      measured,
      [
        ['rows', (one) => one.rows, 0],
        ['ms a step, median', (one) => one.millisecondsMedian, 1],
        ['best', (one) => one.millisecondsBest, 1],
        ['times the first', (one) => one.millisecondsMedian / first],
        ['memories, MB', (one) => one.memoryBytes / 1e6, 0],
        ['resident before, MB', (one) => one.residentBefore / 1e6, 0],
        ['with memories', (one) => one.residentBuilt / 1e6, 0],
        ['peak of steps', (one) => one.residentPeak / 1e6, 0],
      ],
      [`Batches of ${batch}, ${negatives} negatives, ${dimension} dimensions; both sizes in one process.`],
    );
  },
);
