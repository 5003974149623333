import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { addressText } from '../src/cluster/addresses';
import type { CoordinatorOptions } from '../src/cluster/coordinator';
import { type Coordinator, startCoordinator } from '../src/cluster/coordinator';
import type { FakeWorkerSettings } from './cluster-worker';

export interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A started cluster-worker.ts. */
export interface FakeWorker {
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  /** Waits for a line, an earlier one included. Fails when the process ends without it. */
  line(type: string, test?: (line: Line) => boolean): Promise<Line>;
  /** Resolves at its end, with exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** A coordinator, and workers of it; all end after each test. */
export function clusterOfProcesses() {
  const children = new Set<ChildProcess>();
  let coordinator: Coordinator | undefined;
  const log: string[] = [];
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await coordinator?.close();
    coordinator = undefined;
    log.length = 0;
  });
  return {
    log,
    async start(options: Partial<CoordinatorOptions> = {}): Promise<Coordinator> {
      coordinator = await startCoordinator({
        listen: { host: '127.0.0.1', port: 0 },
        token: 'secret',
        expected: 1,
        minWorkers: 1,
        patience: 10,
        log: (line) => log.push(line),
        ...options,
      });
      return coordinator;
    },
    worker(index: number, settings: FakeWorkerSettings, environment: NodeJS.ProcessEnv = {}): FakeWorker {
      const child = spawn(
        process.execPath,
        ['-r', join(__dirname, '../register.cjs'), join(__dirname, 'cluster-worker.ts'), JSON.stringify(settings)],
        {
          cwd: join(__dirname, '..'),
          stdio: ['ignore', 'pipe', 'inherit'],
          env: {
            ...process.env,
            HEADSHARE_WORKER: coordinator ? addressText(coordinator.address) : '',
            HEADSHARE_CLUSTER_TOKEN: 'secret',
            HEADSHARE_WORKER_INDEX: String(index),
            ...environment,
          },
        },
      );
      children.add(child);
      return watched(child);
    },
  };
}

export function watched(child: ChildProcess): FakeWorker {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
  };
  let isOver = false;
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true;
      resolve(code ?? signal);
      wake();
    });
  });
  if (child.stdout) {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line.startsWith('{') ? JSON.parse(line) : { type: 'text', text: line });
      wake();
    });
  }
  return {
    child,
    lines,
    ended,
    line: (type, test = () => true) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => line.type === type && test(line));
          if (found) resolve(found);
          else if (isOver) reject(new Error(`the worker ended without '${type}': ${JSON.stringify(lines.slice(-5))}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  };
}
