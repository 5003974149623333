import { terminalTable } from '@headshare/core/report/terminal-table';
import { benchmark, requireWhole, whole } from '../command-line';
import { measureCrd } from './measure';

benchmark(
  'bench-crd',
  "Times a step of CRD's loss for two sizes of its memories: from embeddings to gradients and updated memories.",
  {
    rows: whole(1_200_000, 'rows of each memory: one per training image'),
    few: whole(50_000, 'rows to compare with, in the same process'),
    negatives: whole(16_384, 'negatives per image'),
    dimension: whole(128, 'length of a row'),
    images: whole(64, 'images a step'),
    steps: whole(10, 'steps a round; the first two of the first round are not counted', 3),
    rounds: whole(3, 'rounds, over both sizes in turn'),
  },
  async ({ rows, few, negatives, dimension, images: batch, steps, rounds, json }) => {
    requireWhole('--few', few, batch);
    requireWhole('--rows', rows, batch);
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
