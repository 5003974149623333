import { join, resolve } from 'node:path';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { benchmark, names, optional, text, whole } from '../command-line';
import { inOwnProcess, inRounds, measuredBy, median } from '../measurement';
import type { measurePipeline, PipelineMeasurement } from './measure';
import { makePictures, pictureCache } from './pictures';

benchmark(
  'bench-pipeline',
  `Measures how many JPEGs (500 x 375) a second are decoded, cropped at random to 224 x 224 and mirrored.
Ways: bytes (batches as a training reads them), normalised (bytes, and a compiled step makes them floats of mean 0 and
deviation 1), sharp (bytes, decoded by sharp instead of the addon).`,
  {
    ways: names(['bytes', 'normalised', 'sharp'], 'ways to read the images'),
    python: optional(
      text('COMMAND', '', "a Python with torch and pillow: also measures Pillow and PyTorch's DataLoader"),
    ),
    threads: whole(2, 'worker threads, also of the DataLoader'),
    images: whole(400, 'number of JPEGs'),
    epochs: whole(3, 'counted epochs a measurement'),
    rounds: whole(3, 'rounds, over all ways in turn'),
    'per-batch': whole(50, 'images a batch'),
    folder: optional(text('FOLDER', '', 'where the JPEGs are; default: generated in .cache/bench-pipeline')),
  },
  async ({ ways, python, threads, images, epochs, rounds, 'per-batch': batchSize, folder: given, json }) => {
    const folder = resolve(given ?? join(pictureCache, `${images}`));
    await makePictures(folder, images);
    const all: string[] = [...ways, ...(python ? ['torch'] : [])];
    const measured = await inRounds(all, rounds, '', (way) => {
      if (way !== 'torch' || !python) {
        const asked = { folder, threads, epochs, batchSize, way };
        return inOwnProcess<typeof measurePipeline>(join(__dirname, 'measure.ts'), 'measurePipeline', asked);
      }
      const args = [folder, threads, epochs, batchSize].map(String);
      return measuredBy<PipelineMeasurement>(python, [join(__dirname, 'torch_pipeline.py'), ...args]);
    });
    const result = summary(measured);
    console.log(json ? JSON.stringify({ images, threads, ways: result }) : table(result));
  },
);

interface Summary {
  /** The median epoch of each round, and the median of the rounds. */
  readonly imagesPerSecond: number;
  readonly rounds: readonly number[];
  readonly peakMegabytes: number;
  /** Median of all epochs; other load on the machine does not change it. */
  readonly cpuMilliseconds: number;
  /** The rate over PyTorch's of the same round; the median of the rounds. */
  readonly overTorch?: number;
}

function summary(measured: ReadonlyMap<string, readonly PipelineMeasurement[]>): Readonly<Record<string, Summary>> {
  const ofRounds = (way: string): number[] => (measured.get(way) ?? []).map(({ rates }) => median(rates));
  const torch = ofRounds('torch');
  const ways = [...measured].map(([way, all]): [string, Summary] => {
    const rounds = ofRounds(way);
    const overTorch = median(rounds.map((rate, round) => rate / (torch[round] ?? Number.NaN)));
    const one = {
      imagesPerSecond: median(rounds),
      rounds,
      peakMegabytes: Math.max(...all.map((each) => each.peakMegabytes)),
      cpuMilliseconds: median(all.flatMap(({ cpu }) => cpu)),
    };
    return [way, torch.length > 0 ? { ...one, overTorch } : one];
  });
  return Object.fromEntries(ways);
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
