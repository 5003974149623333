import { integer } from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark } from '../command-line';
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
    if (json) {
      for (const one of measured) console.log(JSON.stringify(one));
      return;
    }
    const table = terminalTable({
      columns: [
        { title: 'rows', digits: 0 },
        { title: 'ms a step, median', digits: 1 },
        { title: 'best', digits: 1 },
        { title: 'times the first' },
        { title: 'memories, MB', digits: 0 },
        { title: 'resident before, MB', digits: 0 },
        { title: 'with memories', digits: 0 },
        { title: 'peak of steps', digits: 0 },
      ],
      rows: measured.map((one) => [
        one.rows,
        one.millisecondsMedian,
        one.millisecondsBest,
        one.millisecondsMedian / (measured[0]?.millisecondsMedian ?? Number.NaN),
        one.memoryBytes / 1e6,
        one.residentBefore / 1e6,
        one.residentBuilt / 1e6,
        one.residentPeak / 1e6,
      ]),
      notes: [`Batches of ${batch}, ${negatives} negatives, ${dimension} dimensions; both sizes in one process.`],
    });
    console.log(table);
  },
);
