import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { integer, list, number, optional } from '@headshare/core/experiment/option';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print, pythonOption, someOf } from '../command-line';
import { inOwnProcess, inRounds, measuredBy, median } from '../measurement';
import type { measureEmbedding, Speed } from './measure';
import type { NetworkName, WrittenNetwork, writeNetwork } from './networks';

const script = join(__dirname, '../export/onnx_speed.py');

/** The engines of --python, with their names in the table. */
const others = {
  onnxruntime: 'onnxruntime',
  torch: 'PyTorch',
  'torch-compile': 'PyTorch, torch.compile',
} as const;

type Engine = 'headshare' | keyof typeof others;

benchmark(
  {
    name: 'bench-embed',
    summary: 'Measure the embeddings a second of networks in use',
    notes: [
      `Each engine runs the same network in a process of its own, all in turn, round by round; the tables show medians.
onnxruntime and PyTorch run the network's ONNX file, whose batch norms are folded into its convolutions`,
    ],
    options: {
      networks: someOf(['mobilefacenet', 'resnet8x4', 'mobilenet_v3_small', 'iresnet50'], 'networks to measure'),
      batches: list(integer({ min: 1, help: 'images a call' }), { default: [1, 64], help: 'images a call' }),
      python: pythonOption('a Python with onnx, onnxruntime and torch: also measure `engines`'),
      engines: someOf(['onnxruntime', 'torch', 'torch-compile'], 'engines of --python to measure'),
      threads: optional(integer({ min: 1, help: 'threads of each engine' }), 'all processors'),
      seconds: number({ min: 0.1, default: 2, help: 'seconds a measurement, at least three calls' }),
      rounds: integer({ min: 1, default: 3, help: 'rounds, over all engines in turn' }),
    },
  },
  async ({ networks, batches, python, engines: wanted, threads = availableParallelism(), seconds, rounds, json }) => {
    if (python) requirePython(python);
    // Read by TensorFlow and by the addon in the processes that measure.
    process.env.HEADSHARE_THREADS = `${threads}`;
    const folder = makeProcessFolder('headshare-bench-embed-');
    try {
      for (const name of networks) {
        const results: Result[] = [];
        const written = await inOwnProcess<typeof writeNetwork>(join(__dirname, 'networks.ts'), 'writeNetwork', {
          name,
          folder,
        });
        for (const batch of batches) {
          const engines: Engine[] = ['headshare', ...(python ? wanted : [])];
          const measured = await inRounds(engines, rounds, `${name}, batch ${batch}, `, (engine) =>
            engine === 'headshare'
              ? ownSpeed(written, batch, seconds)
              : measuredBy<Speed>(python as string, [
                  script,
                  written.onnx,
                  engine,
                  `${threads}`,
                  `${batch}`,
                  `${seconds}s`,
                ]),
          );
          results.push(...resultsOf(name, batch, measured));
        }
        report(results, { json, threads, rounds });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

function requirePython(python: string): void {
  try {
    execFileSync(python, ['-c', 'import onnx, onnxruntime, torch'], { stdio: 'ignore' });
  } catch {
    throw new UserError(`--python: '${python}' cannot import onnx, onnxruntime and torch; name a Python that can`);
  }
}

const ownSpeed = ({ weights, size }: WrittenNetwork, batch: number, seconds: number): Promise<Speed> =>
  inOwnProcess<typeof measureEmbedding>(join(__dirname, 'measure.ts'), 'measureEmbedding', {
    weights,
    size,
    batch,
    seconds,
  });

interface Result {
  readonly network: NetworkName;
  readonly batch: number;
  readonly engine: string;
  readonly embeddingsPerSecondMedian: number;
  readonly embeddingsPerSecondBest: number;
  /** headshare's embeddings a second over this engine's, round by round; the median of the rounds. */
  readonly headshareIs: number;
}

function resultsOf(
  network: NetworkName,
  batch: number,
  measured: ReadonlyMap<Engine, readonly Speed[]>,
): readonly Result[] {
  const ours = measured.get('headshare') ?? [];
  return [...measured].map(([engine, all]) => ({
    network,
    batch,
    engine: engine === 'headshare' ? engine : others[engine],
    embeddingsPerSecondMedian: median(all.map((one) => one.median)),
    embeddingsPerSecondBest: Math.max(...all.map(({ best }) => best)),
    headshareIs: median(all.map((one, round) => (ours[round] as Speed).median / one.median)),
  }));
}

function report(
  results: readonly Result[],
  { json, threads, rounds }: { readonly json: boolean; readonly threads: number; readonly rounds: number },
): void {
  const { model = 'unknown processor' } = cpus()[0] ?? {};
  const { arch, versions } = process;
  print(
    json,
    results.map((one) => ({ ...one, threads, processor: model, arch })),
    [
      ['network', ({ network }) => network],
      ['batch', ({ batch }) => batch, 0],
      ['engine', ({ engine }) => engine],
      ['embeddings/s, median', ({ embeddingsPerSecondMedian }) => embeddingsPerSecondMedian, 1],
      ['best', ({ embeddingsPerSecondBest }) => embeddingsPerSecondBest, 1],
      ['headshare is x times', ({ headshareIs }) => headshareIs, 2],
    ],
    [
      `Medians of ${rounds} rounds, ratios round by round; ${threads} threads of ${model} (${arch}), Node ${versions.node}.`,
    ],
  );
}
