import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** What a module that a pool runs must export. */
export interface JobModule<Setup, Task, Result> {
  createJob(setup: Setup): (task: Task) => Result | Promise<Result>;
}

export interface WorkerPool<Task, Result> {
  readonly threads: number;
  /** Queues a task; settles as the job does. Memory in a SharedArrayBuffer is seen by both sides without a copy. */
  run(task: Task): Promise<Result>;
  /** Stops the threads; tasks that are not done are rejected. */
  close(): Promise<void>;
}

interface Pending<Task, Result> {
  readonly task: Task;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  deaths: number;
}

/** Why a task was given up: each thread that did it has died. */
export class WorkerDeath extends Error {}

type Answer<Result> = { ready: true } | { result: Result } | { error: Error };

const workspace = resolve(__dirname, '../../../../..');

/**
 * Threads that all run the job of one module. A task whose thread dies (out of memory, process.exit in a library) is
 * given once more to a fresh thread; if that dies too, the task is rejected.
 * `module` is an absolute path to a TypeScript or JavaScript file, `setup` anything that can be cloned.
 */
export function workerPool<Setup, Task, Result>(options: {
  module: string;
  setup: Setup;
  threads?: number;
}): WorkerPool<Task, Result> {
  const { module, setup, threads = availableParallelism() } = options;
  const queue: Pending<Task, Result>[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Pending<Task, Result>>();
  const all = new Set<Worker>();
  let closed = false;
  let broken: Error | undefined;

  function dispatch(): void {
    while (idle.length > 0 && queue.length > 0) {
      const worker = idle.pop() as Worker;
      const next = queue.shift() as Pending<Task, Result>;
      busy.set(worker, next);
      worker.postMessage(next.task);
    }
  }

  function fail(error: Error): void {
    for (const pending of queue.splice(0)) pending.reject(error);
  }

  function start(): void {
    const worker = new Worker(join(__dirname, 'pool-worker.ts'), {
      workerData: { module, setup },
      execArgv: ['-r', require.resolve('@swc-node/register')],
      // swc-node otherwise looks for a tsconfig.json in whatever folder the process was started in.
      env: { ...process.env, TS_NODE_PROJECT: join(workspace, 'tsconfig.base.json') },
    });
    let started = false;
    let reason: Error | undefined;
    all.add(worker);
    worker.on('message', (answer: Answer<Result>) => {
      started = true;
      const pending = busy.get(worker);
      busy.delete(worker);
      if ('error' in answer) pending?.reject(answer.error);
      else if ('result' in answer) pending?.resolve(answer.result);
      idle.push(worker);
      dispatch();
    });
    worker.on('error', (error: Error) => {
      reason = error;
    });
    worker.on('exit', (code) => {
      all.delete(worker);
      const position = idle.indexOf(worker);
      if (position >= 0) idle.splice(position, 1);
      const lost = busy.get(worker);
      busy.delete(worker);
      const death = new WorkerDeath(
        `A worker thread of ${module} stopped (${reason?.message ?? `exit code ${code}`})`,
        {
          cause: reason,
        },
      );
      if (closed) {
        lost?.reject(death);
        return;
      }
      if (!started) {
        // It would fail the same way again and again.
        if (all.size === 0) {
          broken = death;
          fail(death);
        }
        return;
      }
      if (lost !== undefined) {
        lost.deaths++;
        if (lost.deaths > 1) lost.reject(death);
        else queue.unshift(lost);
      }
      start();
    });
  }

  for (let i = 0; i < threads; i++) start();

  return {
    threads,
    run: (task) =>
      new Promise((resolve, reject) => {
        if (broken || closed) {
          reject(broken ?? new Error(`The worker pool of ${module} is closed`));
          return;
        }
        queue.push({ task, resolve, reject, deaths: 0 });
        dispatch();
      }),
    close: async () => {
      closed = true;
      fail(new Error(`The worker pool of ${module} was closed`));
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
