import { terminalTable } from '@headshare/core/report/terminal-table';
import { readOptions, start, text, whole as wholeNumber } from '../command-line';
import { type CrdCase, type CrdMeasurement, measureCrd } from './criterion';

const usage = `What a step of CRD's criterion takes, by the rows of its memories: embeddings in, gradients and memories moved.
npx nx run tools:bench-crd [options]
  --rows=N       images, a row each in both memories (1200000)
  --few=N        rows to compare with, in the same process (50000)
  --negatives=N  rows that each image is told from (16384)
  --dimension=N  of the rows (128)
  --images=N     images a step (64)
  --steps=N      steps a round, the first two of the first round uncounted (10)
  --rounds=N     rounds, of both sizes in turn (3)
  --json         one JSON object a line instead of a table`;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const whole = (
    name: 'rows' | 'few' | 'negatives' | 'dimension' | 'images' | 'steps' | 'rounds',
    least = 1,
  ): number => {
    return wholeNumber(`--${name}`, values[name], least);
  };
  const shared = { negatives: whole('negatives'), dimension: whole('dimension'), batch: whole('images') };
  const of = (rows: number): CrdCase => ({ ...shared, rows });
  const cases = [of(whole('few', shared.batch)), of(whole('rows', shared.batch))];
  const measured = await measureCrd(cases, { steps: whole('steps', 3), rounds: whole('rounds') });
  if (values.json) for (const one of measured) console.log(JSON.stringify(one));
  else console.log(table(measured, shared));
}

const options = () =>
  readOptions({
    rows: text('1200000'),
    few: text('50000'),
    negatives: text('16384'),
    dimension: text('128'),
    images: text('64'),
    steps: text('10'),
    rounds: text('3'),
  });

function table(measured: readonly CrdMeasurement[], { negatives, dimension, batch }: Omit<CrdCase, 'rows'>): string {
  const [few] = measured;
  return terminalTable({
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
      one.millisecondsMedian / (few?.millisecondsMedian ?? Number.NaN),
      one.memoryBytes / 1e6,
      one.residentBefore / 1e6,
      one.residentBuilt / 1e6,
      one.residentPeak / 1e6,
    ]),
    notes: [`Batches of ${batch}, ${negatives} negatives, ${dimension} dimensions. All sizes live in one process.`],
  });
}

start(main);
