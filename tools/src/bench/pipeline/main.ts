import { join, resolve } from 'node:path';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { listed, measuredBy, readOptions, script, start, text, whole } from '../command-line';
import { median } from '../step/measurement';
import { makePictures } from './pictures';

const usage = `How many JPEGs (500 x 375) a second are decoded, cropped at random to 224 x 224 and mirrored.
npx nx run tools:bench-pipeline [options]
  --json            one JSON object instead of a table
  --ways=LIST       bytes: batches as training gets them; normalised: and made floats, mean and deviation 0 and 1, by a
                    compiled step as in training; sharp: bytes, decoded by sharp instead of the addon (bytes,normalised,sharp)
  --python=COMMAND  a Python with torch and pillow: Pillow and PyTorch's DataLoader, normalised, in the same minutes
  --threads=N       worker threads, and DataLoader's workers (2)
  --images=N        pictures (400)
  --epochs=N        counted epochs a measurement (3)
  --rounds=N        measurements of every way, in turn (3)
  --per-batch=N     images a batch (50)
  --folder=FOLDER   where the pictures are, or are made (.cache/bench-pipeline/N of the workspace)`;

interface Measurement {
  readonly rates: readonly number[];
  /** CPU time of all threads or processes, in ms an image, by epoch. */
  readonly cpu: readonly number[];
  readonly peakMegabytes: number;
}

const known = ['bytes', 'normalised', 'sharp'] as const;
const workspace = resolve(__dirname, '../../../..');

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const asked = listed('--ways', values.ways, known);
  const images = whole('--images', values.images);
  const rounds = whole('--rounds', values.rounds);
  const folder = values.folder ?? join(workspace, '.cache/bench-pipeline', `${images}`);
  await makePictures(folder, images);
  const ways = [...asked, ...(values.python === undefined ? [] : ['torch'])];
  const args = [
    whole('--threads', values.threads),
    whole('--epochs', values.epochs),
    whole('--per-batch', values['per-batch']),
  ];
  const measured = new Map<string, Measurement[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      process.stderr.write(`round ${round + 1}/${rounds}: ${way}\n`);
      const [command, ...leading] =
        way === 'torch'
          ? [values.python ?? '', join(__dirname, 'torch_pipeline.py')]
          : [process.execPath, ...script(join(__dirname, 'child.ts'))];
      measured.get(way)?.push(await measuredBy(command ?? '', [...leading, folder, ...args.map(String), way]));
    }
  }
  const result = summary(measured);
  if (values.json) console.log(JSON.stringify({ images, threads: args[0], ways: result }));
  else console.log(table(result));
}

interface Summary {
  /** Images a second, the middle epoch of each round; then their middle. */
  readonly imagesPerSecond: number;
  readonly rounds: readonly number[];
  readonly peakMegabytes: number;
  /** The middle epoch of all: what a busy machine does not change. */
  readonly cpuMilliseconds: number;
  /** Over torch of the same round, the middle one. */
  readonly overTorch?: number;
}

function summary(measured: ReadonlyMap<string, readonly Measurement[]>): Readonly<Record<string, Summary>> {
  const ofRounds = (way: string): number[] => (measured.get(way) ?? []).map(({ rates }) => median(rates));
  const torch = ofRounds('torch');
  return Object.fromEntries(
    [...measured].map(([way, all]) => {
      const rounds = ofRounds(way);
      const over = median(rounds.map((rate, round) => rate / (torch[round] ?? Number.NaN)));
      const cpuMilliseconds = median(all.flatMap(({ cpu }) => cpu));
      const peakMegabytes = Math.max(...all.map((one) => one.peakMegabytes));
      return [
        way,
        {
          imagesPerSecond: median(rounds),
          rounds,
          peakMegabytes,
          cpuMilliseconds,
          ...(torch.length > 0 && { overTorch: over }),
        },
      ];
    }),
  );
}

function table(ways: Readonly<Record<string, Summary>>): string {
  return terminalTable({
    columns: [
      { title: 'way' },
      { title: 'images/s, median', digits: 0 },
      { title: 'rounds' },
      { title: 'over torch', digits: 2 },
      { title: 'CPU ms an image', digits: 2 },
      { title: 'peak MB', digits: 0 },
    ],
    rows: Object.entries(ways).map(([way, one]) => [
      way,
      one.imagesPerSecond,
      one.rounds.map((rate) => rate.toFixed(0)).join(' '),
      one.overTorch,
      one.cpuMilliseconds,
      one.peakMegabytes,
    ]),
  });
}

const options = () =>
  readOptions({
    ways: text(known.join()),
    python: { type: 'string' },
    threads: text('2'),
    images: text('400'),
    epochs: text('3'),
    rounds: text('3'),
    'per-batch': text('50'),
    folder: { type: 'string' },
  });

start(main);
