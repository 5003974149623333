import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** The export of a module that a pool runs. */
export interface JobModule<Setup, Task, Result> {
  createJob(setup: Setup): (task: Task) => Result | Promise<Result>;
}

export interface WorkerPool<Task, Result> {
  readonly threads: number;
  /** Queues a task and returns the job's result. A SharedArrayBuffer is shared with the thread, not copied. */
  run(task: Task): Promise<Result>;
  /** Stops the threads and rejects unfinished tasks. */
  close(): Promise<void>;
}

interface Pending<Task, Result> {
  readonly task: Task;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  deaths: number;
}

/** The error of a task whose threads died twice. */
export class WorkerDeath extends Error {}

type Answer<Result> = { ready: true } | { result: Result } | { error: Error };

const register = resolve(__dirname, '../../../register.cjs');

/**
 * Threads that run the job of one module. If a thread dies (out of memory, process.exit in a library), a new thread runs
 * its task once more; if that dies too, the task is rejected.
 * @param options `module`: absolute path of a TypeScript or JavaScript file; `setup`: anything that can be cloned;
 *   `threads`: default one per core
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
      execArgv: ['-r', register],
    });
    let started = false;
    let cause: Error | undefined;
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
      cause = error;
    });
    worker.on('exit', (code) => {
      all.delete(worker);
      const position = idle.indexOf(worker);
      if (position >= 0) idle.splice(position, 1);
      const lost = busy.get(worker);
      busy.delete(worker);
      const why = cause?.message ?? `exit code ${code}`;
      const death = new WorkerDeath(`A worker thread of ${module} stopped (${why})`, { cause });
      if (closed) lost?.reject(death);
      else if (started) {
        if (lost && lost.deaths++ > 0) lost.reject(death);
        else if (lost) queue.unshift(lost);
        start();
      } else if (all.size === 0) {
        // A new thread would fail the same way.
        broken = death;
        fail(death);
      }
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
