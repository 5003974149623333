/** How much memory processes take that train a head of many classes: one by itself, and several that share the classes. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { addressText } from '@headshare/core/cluster/addresses';
import { startCoordinator } from '@headshare/core/cluster/coordinator';
import { randomToken, tokenVariable } from '@headshare/core/cluster/secret';
import { indexVariable, workerVariable } from '@headshare/core/cluster/worker-process';
import { serverProtection } from '@headshare/core/runtime/native-addon';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { print } from '../command-line';
import { measuredBy } from '../measurement';
import type { HeadMemory, HeadSetup } from './heads/child';
import { nodeCommand } from './processes';

export interface HeadResult extends HeadMemory {
  readonly part: 'heads';
  readonly classes: number;
  readonly embeddingSize: number;
  readonly workers: number;
  readonly index: number;
  readonly isResumed: boolean;
}

export interface HeadRequest {
  readonly classes: number;
  readonly embeddingSize: number;
  readonly workers: number;
}

/** Tables of the whole size that one process holds at its peak: weights, momenta, and what makes them. */
const tablesAtOnce = 5;

/** @param skip told why a training is left out */
export async function measureHeads(
  { classes, embeddingSize, workers }: HeadRequest,
  skip: (reason: string) => void,
): Promise<readonly HeadResult[]> {
  const folder = makeProcessFolder('headshare-bench-scale-');
  const results: HeadResult[] = [];
  const measure = async (name: string, count: number, epochs: number): Promise<void> => {
    const isResumed = epochs > 1;
    const wanted = (tablesAtOnce * classes * embeddingSize * 4) / 1e9;
    if (count === 1 && wanted > process.availableMemory() / 1e9) {
      skip(`one process with a head of ${classes} classes needs about ${wanted.toFixed(0)} GB of memory`);
      return;
    }
    process.stderr.write(`heads: ${classes} classes, ${count} ${count === 1 ? 'process' : 'workers'}\n`);
    const setup = { folder: join(folder, name), classes, embeddingSize, slices: workers, epochs };
    const all = await (count === 1 ? oneProcess(setup) : severalWorkers(setup, count));
    for (const [index, memory] of all.entries()) {
      results.push({ part: 'heads', classes, embeddingSize, workers: count, index, isResumed, ...memory });
      const peaks = Object.entries(memory).map(([phase, megabytes]) => `${phase} ${megabytes.toFixed(0)} MB`);
      process.stderr.write(`  process ${index}: ${peaks.join(', ')}\n`);
    }
  };
  try {
    await measure('alone', 1, 1);
    rmSync(join(folder, 'alone'), { recursive: true, force: true });
    await measure('shared', workers, 1);
    await measure('shared', workers, 2);
    // With another number of workers.
    await measure('shared', 1, 3);
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A batch is one slice here: sums over slices would take another table. */
async function oneProcess(setup: HeadSetup): Promise<readonly HeadMemory[]> {
  return [await child({ ...setup, slices: 1 }, {})];
}

async function severalWorkers(setup: HeadSetup, count: number): Promise<readonly HeadMemory[]> {
  const token = randomToken();
  const listen = { host: '127.0.0.1', port: 0 };
  const group = { token, listen, expected: count, minWorkers: count, patience: 120, log: () => undefined };
  const coordinator = await startCoordinator(group);
  const stopped = new AbortController();
  try {
    return await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const environment = {
          [workerVariable]: addressText(coordinator.address),
          [tokenVariable]: token,
          [indexVariable]: `${index}`,
          ...serverProtection(),
        };
        // Home alone writes into the folder.
        const folder = index === 0 ? setup.folder : join(setup.folder, `${index}`);
        return child({ ...setup, folder }, environment, stopped.signal);
      }),
    );
  } finally {
    stopped.abort();
    await coordinator.close();
  }
}

function child(setup: HeadSetup, own: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<HeadMemory> {
  const file = join(__dirname, 'heads/child.ts');
  const { command, args, environment } = nodeCommand(file, setup, { HEADSHARE_THREADS: '1', ...own });
  return measuredBy<HeadMemory>(command, args, { ...(environment && { environment }), ...(signal && { signal }) });
}

export function printHeads(results: readonly HeadResult[]): void {
  const [first] = results;
  if (!first) return;
  const { classes, embeddingSize } = first;
  const title = ({ workers, index, isResumed }: HeadResult): string =>
    [
      workers === 1 ? 'one process' : `worker ${index} of ${workers}`,
      ...(index === 0 && workers > 1 ? ['home'] : []),
      ...(isResumed ? ['resumed'] : []),
    ].join(', ');
  const table = (classes * embeddingSize * 4) / 2 ** 20;
  print(
    false,
    results,
    [
      [`arcface, ${classes} x ${embeddingSize}`, title],
      ['MB at most: ready', ({ ready }) => ready, 0],
      ['training', ({ steps }) => steps, 0],
      ['writing checkpoints', ({ checkpoint }) => checkpoint, 0],
    ],
    [`The class centres are ${table.toFixed(0)} MB, and their momenta as much.`],
  );
}
