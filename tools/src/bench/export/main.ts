import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { shownDifference } from '@headshare/core/delivery/export-network';
import { formats } from '@headshare/core/delivery/registry';
import { weightTypes } from '@headshare/core/delivery/weights';
import { integer, text } from '@headshare/core/experiment/option';
import { exportModel } from '@headshare/core/export/export-model';
import { findSource, type Source } from '@headshare/core/export/source';
import { sides } from '@headshare/core/system/image-size';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print, pythonOption, someOf } from '../command-line';
import { inOwnProcess, inRounds, measuredBy, median } from '../measurement';
import type { measureSpeed, Speed } from './measure';

const root = resolve(__dirname, '../../../..');
const measure = join(__dirname, 'measure.ts');

/** The engines that the workspace has, by format. */
const engines: Readonly<Record<string, string>> = {
  onnx: 'onnxruntime-web in Node',
  'saved-model': 'tfjs-node',
  tfjs: 'tfjs-node',
  tflite: 'LiteRT.js in Node',
};

interface Model {
  readonly format: string;
  readonly weights: string;
  readonly bytes: number;
  /** The largest absolute difference of the outputs, and the largest output. */
  readonly difference: string;
  readonly exportSeconds: number;
  readonly path: string;
}

/** A network in an engine. */
interface Way {
  readonly model?: Model;
  readonly engine: string;
  readonly threads: number;
  readonly speed: () => Promise<Speed>;
}

benchmark(
  {
    name: 'bench-export',
    summary: 'Measure the size, the exactness and the speed of a network in every format and engine',
    notes: [
      `Each engine runs in a process of its own, all in turn, round by round; the table shows medians.
headshare: the compiled evaluation step of trainings`,
    ],
    options: {
      from: text({
        placeholder: 'RUN',
        valid: "a run's folder, key or MLflow id, or a file of weights",
        help: 'whose network is measured',
      }),
      formats: someOf(formats.names, 'formats'),
      weights: someOf(weightTypes, 'how weights are stored'),
      python: pythonOption('a Python with onnx, onnxruntime and torch: also measure those two'),
      images: integer({ min: 1, default: 8, help: 'images a call' }),
      calls: integer({ min: 1, default: 20, help: 'calls a measurement; three more before them are not counted' }),
      rounds: integer({ min: 1, default: 3, help: 'rounds, over all engines in turn' }),
    },
  },
  async ({ from, formats: wanted, weights, python, images: batch, calls, rounds, json }) => {
    if (python) requirePython(python);
    const source = await findSource(from, root);
    const folder = makeProcessFolder('headshare-bench-export-');
    try {
      const models = await exportAll(source, wanted, weights, folder);
      const ways = [
        ...waysOf(source, models, batch, calls),
        ...(python ? pythonWays(python, models, batch, calls) : []),
      ];
      const named = new Map(ways.map((way) => [nameOf(way), way]));
      const speeds = await inRounds([...named.keys()], rounds, '', (name) => (named.get(name) as Way).speed());
      report(named, speeds, { json, batch, rounds, source });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

const nameOf = ({ model, engine, threads }: Way): string =>
  [...(model ? [model.format, model.weights] : []), engine, `${threads} threads`].join(', ');

function requirePython(python: string): void {
  try {
    execFileSync(python, ['-c', 'import onnx, onnxruntime, torch'], { stdio: 'ignore' });
  } catch {
    throw new UserError(`--python: '${python}' cannot import onnx, onnxruntime and torch; name a Python that can`);
  }
}

async function exportAll(
  source: Source,
  wanted: readonly string[],
  weightsOf: readonly (typeof weightTypes)[number][],
  folder: string,
): Promise<readonly Model[]> {
  const models: Model[] = [];
  for (const format of formats.all.filter(({ name }) => wanted.includes(name))) {
    for (const weights of weightsOf.filter((one) => format.weights.includes(one))) {
      process.stderr.write(`export: ${format.name}, ${weights}\n`);
      const path = join(folder, `${weights}-${format.name}${format.ending === '/' ? '' : format.ending}`);
      const options = { input: 'bytes', outputs: ['embedding'], mirror: false, teacherSpace: false } as const;
      const started = performance.now();
      const { bytes, difference } = await exportModel({ source, to: path, format, options, weights, root });
      const exportSeconds = (performance.now() - started) / 1000;
      models.push({
        format: format.name,
        weights,
        bytes,
        difference: shownDifference(difference),
        exportSeconds,
        path,
      });
    }
  }
  return models;
}

function waysOf({ network }: Source, models: readonly Model[], batch: number, calls: number): readonly Way[] {
  const { height, width } = sides(network.description.inputSize);
  const speed = (path: string, format?: string) => () =>
    inOwnProcess<typeof measureSpeed>(measure, 'measureSpeed', {
      path,
      ...(format !== undefined && { format }),
      size: `${height}x${width}`,
      // LiteRT takes one picture at a time.
      batch: format === 'tflite' ? 1 : batch,
      calls,
    });
  const threads = availableParallelism();
  return [
    { engine: 'headshare', threads, speed: speed(network.file) },
    ...models.map((model): Way => {
      const engine = engines[model.format] ?? 'its own';
      const single = model.format === 'onnx' || model.format === 'tflite';
      return { model, engine, threads: single ? 1 : threads, speed: speed(model.path, model.format) };
    }),
  ];
}

function pythonWays(python: string, models: readonly Model[], batch: number, calls: number): readonly Way[] {
  const script = join(__dirname, 'onnx_speed.py');
  const onnx = models.filter(({ format }) => format === 'onnx');
  return onnx.flatMap((model) =>
    [...new Set([1, availableParallelism()])].flatMap((threads) =>
      (['onnxruntime', 'torch'] as const)
        // PyTorch runs the float32 network alone.
        .filter((engine) => engine === 'onnxruntime' || model.weights === 'float32')
        .map((engine): Way => {
          const args = [script, model.path, engine, `${threads}`, `${batch}`, `${calls}`];
          const title = engine === 'torch' ? 'PyTorch' : 'onnxruntime in Python';
          return { model, engine: title, threads, speed: () => measuredBy<Speed>(python, args) };
        }),
    ),
  );
}

interface Shown {
  readonly json: boolean;
  readonly batch: number;
  readonly rounds: number;
  readonly source: Source;
}

function report(
  ways: ReadonlyMap<string, Way>,
  speeds: ReadonlyMap<string, readonly Speed[]>,
  { json, batch, rounds, source }: Shown,
): void {
  const ours = [...speeds.values()][0] ?? [];
  const measured = [...ways].map(([name, { model, engine, threads }]) => {
    const all = speeds.get(name) ?? [];
    return {
      format: model?.format ?? 'the network itself',
      weights: model?.weights,
      bytes: model?.bytes,
      difference: model?.difference,
      exportSeconds: model?.exportSeconds,
      engine,
      threads,
      imagesPerSecondMedian: median(all.map((one) => one.median)),
      imagesPerSecondBest: Math.max(...all.map(({ best }) => best)),
      ofHeadshare: median(all.map(({ best }, round) => best / (ours[round] as Speed).best)),
    };
  });
  const { backbone, inputSize } = source.network.description;
  const { model = 'unknown processor' } = cpus()[0] ?? {};
  print(
    json,
    measured,
    [
      ['format', ({ format }) => format],
      ['weights', ({ weights }) => weights],
      ['bytes', ({ bytes }) => bytes, 0],
      ['largest difference', ({ difference }) => difference],
      ['export, s', ({ exportSeconds }) => exportSeconds, 1],
      ['engine', ({ engine }) => engine],
      ['threads', ({ threads }) => threads, 0],
      ['images/s, median', ({ imagesPerSecondMedian }) => imagesPerSecondMedian, 0],
      ['best', ({ imagesPerSecondBest }) => imagesPerSecondBest, 0],
      ['x headshare', ({ ofHeadshare }) => ofHeadshare, 2],
    ],
    [
      `${backbone}, ${inputSize} pixels, ${batch} images a call (LiteRT: 1), medians of ${rounds} rounds; ${availableParallelism()} cores of ${model}, Node ${process.versions.node}.`,
      "x headshare: the best call's images/s over those of the compiled evaluation step in the same round.",
    ],
  );
}
