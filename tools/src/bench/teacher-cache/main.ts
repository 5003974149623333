import { join } from 'node:path';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { listed, measuredBy, readOptions, script, start, text, whole } from '../command-line';
import type { CacheCase, CacheMeasurement } from './measure';

// Loading them here would load all of TensorFlow's side for `--help`.
const pairNames = ['cifar', 'face'] as const;
const types = ['float32', 'float16'] as const;

const usage = `What an epoch of distillation takes with the teacher in every step and with its embeddings read from files, and what
making these takes. Mirrored images: two views each. The first epoch of each training, which compiles, is not counted.
npx nx run tools:bench-teacher-cache [options]
  --json          one JSON object a line instead of a table
  --pairs=LIST    cifar: resnet32x4 to resnet8x4, 32x32; face: iresnet18 to MobileFaceNet, 112x112 (${pairNames})
  --types=LIST    of the numbers in the files: float32, float16 (float32)
  --method=NAME   what the student learns by (th-kd)
  --images=N      images an epoch, rounded up to whole classes (1000)
  --epochs=N      counted epochs of a training (2)
  --rounds=N      trainings of both kinds, in turn (2)`;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const shared = {
    method: values.method,
    images: whole('--images', values.images, 100),
    epochs: whole('--epochs', values.epochs),
    rounds: whole('--rounds', values.rounds),
  };
  const chosen = listed('--pairs', values.pairs, pairNames) as CacheCase['pair'][];
  const measured: CacheMeasurement[] = [];
  for (const pair of chosen) {
    for (const type of listed('--types', values.types, types) as CacheCase['type'][]) {
      process.stderr.write(`${pair}, ${type}\n`);
      const asked: CacheCase = { ...shared, pair, type };
      const child = [...script(join(__dirname, 'child.ts')), JSON.stringify(asked)];
      const one = await measuredBy<CacheMeasurement>(process.execPath, child);
      measured.push(one);
      if (values.json) console.log(JSON.stringify(one));
    }
  }
  if (!values.json) console.log(table(measured, shared));
}

const options = () =>
  readOptions({
    pairs: text(pairNames.join()),
    types: text('float32'),
    method: text('th-kd'),
    images: text('1000'),
    epochs: text('2'),
    rounds: text('2'),
  });

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
      { title: 'making it, s', digits: 1 },
      { title: 'paid after epochs', digits: 1 },
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
    notes: [`Learning by ${method}; medians of ${rounds} x ${epochs} epochs, both kinds in turn in one process.`],
  });
}

start(main);
