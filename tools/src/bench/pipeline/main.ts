import { join, resolve } from 'node:path';
import { integer, optional, text } from '@headshare/core/experiment/option';
import { benchmark, type Column, print, pythonOption, someOf } from '../command-line';
import { inOwnProcess, inRounds, measuredBy, median } from '../measurement';
import type { measurePipeline, PipelineMeasurement } from './measure';
import { makePictures, pictureCache } from './pictures';

benchmark(
  {
    name: 'bench-pipeline',
    summary: 'Measure how many JPEGs (500 x 375) a second are decoded, cropped at random to 224 x 224 and mirrored',
    notes: [
      `Ways: bytes as trainings read batches; normalised also to floats of mean 0 and deviation 1, by a compiled step;
sharp bytes, decoded by sharp instead of the addon`,
    ],
    options: {
      ways: someOf(['bytes', 'normalised', 'sharp'], 'ways to read the images'),
      python: pythonOption("a Python with torch and pillow: also measure Pillow and PyTorch's DataLoader"),
      threads: integer({ min: 1, default: 2, help: 'worker threads, also of the DataLoader' }),
      images: integer({ min: 1, default: 400, help: 'number of JPEGs' }),
      epochs: integer({ min: 1, default: 3, help: 'counted epochs a measurement' }),
      rounds: integer({ min: 1, default: 3, help: 'rounds, over all ways in turn' }),
      perBatch: integer({ min: 1, default: 50, help: 'images a batch' }),
      folder: optional(text({ placeholder: 'DIR', help: 'folder of the JPEGs' }), 'generated in .cache/bench-pipeline'),
    },
  },
  async ({ ways, python, threads, images, epochs, rounds, perBatch: batchSize, folder: given, json }) => {
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
    if (json) console.log(JSON.stringify({ images, threads, ways: result }));
    else print(json, Object.entries(result), columns);
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

const columns: readonly Column<[string, Summary]>[] = [
  ['way', ([way]) => way],
  ['images/s, median', ([, one]) => one.imagesPerSecond, 0],
  ['rounds', ([, one]) => one.rounds.map((rate) => rate.toFixed(0)).join(' ')],
  ['over torch', ([, one]) => one.overTorch, 2],
  ['CPU ms an image', ([, one]) => one.cpuMilliseconds, 2],
  ['peak MB', ([, one]) => one.peakMegabytes, 0],
];
