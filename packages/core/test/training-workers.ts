import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { addressText } from '../src/cluster/addresses';
import { type Coordinator, startCoordinator } from '../src/cluster/coordinator';
import { temporaryFolder } from './tiny-training';

/** The points of each metric in order, except throughput and waiting times. */
export type Points = Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;

/** The points of metrics as the journal keeps them: a step that is told again changes nothing. */
export function pointsOf(tracked: Iterable<{ readonly step: number; readonly values: object }>): Points {
  const points: Record<string, [number, number][]> = {};
  for (const { step, values } of tracked) {
    for (const [name, value] of Object.entries(values)) {
      if (/\/(data_wait_share|images_per_second)$/.test(name)) continue;
      points[name] ??= [];
      const known = points[name];
      if (step > (known.at(-1)?.[0] ?? -1)) known.push([step, value]);
    }
  }
  return points;
}

/** A tiny training of several processes. */
export interface TrainingWorkers {
  /** Waits until home has told of so many further steps, or is done. */
  steps(count: number): Promise<void>;
  /** Waits until home has told of this step. */
  reaches(step: number): Promise<void>;
  /** Kills or freezes a worker; another one takes its place. */
  kill(index: number, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void>;
  /** Sends a worker a signal; nobody takes its place. */
  signal(index: number, signal: NodeJS.Signals): void;
  /** Starts a worker. */
  spawn(index: number): void;
  /** Waits until the worker has said so many further lines of a type: see training-worker.ts. */
  says(index: number, type: string, more?: number): Promise<void>;
  isDone(): boolean;
  /** Ends all as Ctrl-C does. */
  stop(): Promise<void>;
  /** Waits for home's end. */
  done(): Promise<{ readonly folder: string; readonly points: Points; readonly lines: readonly string[] }>;
}

/**
 * Starts tiny trainings; what is left of them ends after each test.
 * @param script what a worker runs: with a case's name, home's folder and the teacher as arguments
 */
export function trainingWorkers(script = join(__dirname, 'training-worker.ts')) {
  const children = new Set<ChildProcess>();
  const coordinators = new Set<Coordinator>();
  const end = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await Promise.all([...coordinators].map((one) => one.close()));
    coordinators.clear();
  };
  afterEach(end);

  /** @param count 0: one process, which no coordinator knows */
  async function start(
    name: string,
    {
      count,
      teacher,
      folder = temporaryFolder(),
    }: { readonly count: number; readonly teacher: string; readonly folder?: string },
  ): Promise<TrainingWorkers> {
    const log: string[] = [];
    const coordination = await startCoordinator({
      listen: { host: '127.0.0.1', port: 0 },
      token: 'secret',
      expected: count,
      minWorkers: 1,
      patience: 60,
      log: (line) => log.push(line),
      bringsHomeBack: () => true,
    });
    coordinators.add(coordination);
    let steps = 0;
    const tracked: { step: number; values: object }[] = [];
    const said = new Map<string, number>();
    let lines: readonly string[] | undefined;
    let failure: Error | undefined;
    const waiting = new Set<() => void>();
    const wake = (): void => {
      for (const one of waiting) one();
    };
    const until = (check: () => boolean): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (failure) reject(failure);
          else if (check()) resolve();
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      });
    const present = new Map<number, ChildProcess>();
    const stopping = new Set<ChildProcess>();

    function spawnWorker(index: number): void {
      const child = spawn(process.execPath, ['-r', join(__dirname, '../register.cjs'), script, name, folder, teacher], {
        cwd: join(__dirname, '..'),
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          HEADSHARE_THREADS: '1',
          HEADSHARE_WORKER: count === 0 ? '' : addressText(coordination.address),
          HEADSHARE_CLUSTER_TOKEN: 'secret',
          HEADSHARE_WORKER_INDEX: String(index),
        },
      });
      children.add(child);
      present.set(index, child);
      const errors: string[] = [];
      child.stderr?.on('data', (text) => errors.push(String(text)));
      if (child.stdout) {
        createInterface(child.stdout).on('line', (text) => {
          // Progress is not JSON.
          if (!text.startsWith('{')) return;
          const line = JSON.parse(text);
          const what = `${index} ${line.type}`;
          said.set(what, (said.get(what) ?? 0) + 1);
          if (line.type === 'metrics') steps = tracked.push(line);
          if (line.type === 'done') lines = line.lines;
          wake();
        });
      }
      child.once('close', (code) => {
        children.delete(child);
        if (code !== 0 && !stopping.has(child)) {
          failure = new Error(`worker ${index} ended with ${code}: ${errors.join('').slice(-2000)}\n${log.join('\n')}`);
        }
        wake();
      });
    }
    for (let index = 0; index < Math.max(1, count); index++) spawnWorker(index);

    return {
      async steps(more) {
        const aim = steps + more;
        await until(() => steps >= aim || lines !== undefined);
      },
      reaches: (step) => until(() => tracked.some((one) => one.step >= step)),
      async kill(index, signal) {
        const child = present.get(index) as ChildProcess;
        stopping.add(child);
        child.kill(signal);
        // A frozen process is given up after a while.
        if (signal === 'SIGSTOP') {
          await new Promise((resolve) => setTimeout(resolve, 2500));
          child.kill('SIGKILL');
        }
        spawnWorker(index);
      },
      signal(index, signal) {
        const child = present.get(index) as ChildProcess;
        stopping.add(child);
        child.kill(signal);
      },
      spawn: spawnWorker,
      async says(index, type, more = 1) {
        const what = `${index} ${type}`;
        const aim = (said.get(what) ?? 0) + more;
        await until(() => (said.get(what) ?? 0) >= aim);
      },
      isDone: () => lines !== undefined,
      async stop() {
        const all = [...present.values()];
        for (const child of all) {
          stopping.add(child);
          child.kill('SIGTERM');
        }
        await until(() => all.every((child) => !children.has(child)));
        await coordination.close();
        coordinators.delete(coordination);
      },
      async done() {
        await until(() => lines !== undefined);
        await until(() => [...present.values()].every((child) => !children.has(child)));
        return { folder, points: pointsOf(tracked), lines: lines ?? [] };
      },
    };
  }
  return { start };
}
