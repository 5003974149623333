import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import type { LoadedModel, ModelInput } from '../format';

/**
 * Runs exported models in a process of its own: engines in WebAssembly compute without pause, some of them change what is
 * global, and the gigabyte that a large model takes there is not this process's.
 */
export interface Engine {
  load(path: string): LoadedModel;
  close(): Promise<void>;
}

export interface EngineTask {
  readonly id: number;
  /** The model's file. */
  readonly path: string;
  /** Absent: forgets the model. */
  readonly input?: ModelInput;
}

type Outputs = Readonly<Record<string, Float32Array>>;

export type EngineAnswer =
  | { readonly id: number; readonly outputs: Outputs }
  | { readonly id: number; readonly error: string };

interface Waiting {
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: Error) => void;
}

const register = resolve(__dirname, '../../../register.cjs');

/**
 * @param name of the engine, for errors
 * @param script the file of the process, which calls `serve`
 */
export function startEngine(name: string, script: string): Engine {
  const waiting = new Map<number, Waiting>();
  let tasks = 0;
  let closed = false;
  const child = startChild(script);
  child.on('message', (answer: EngineAnswer) => {
    const task = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) task?.reject(new Error(`${name}: ${answer.error}`));
    else task?.resolve(answer.outputs);
  });
  const stopped = new Promise<void>((done) => {
    child.on('exit', (code, signal) => {
      closed = true;
      for (const { reject } of waiting.values()) reject(new Error(`${name} stopped (${signal ?? code})`));
      waiting.clear();
      done();
    });
  });
  const run = (path: string, input?: ModelInput) =>
    new Promise<Outputs>((resolve, reject) => {
      if (closed) {
        reject(new Error(`${name} has stopped`));
        return;
      }
      const id = tasks++;
      waiting.set(id, { resolve, reject });
      child.send({ id, path, ...(input && { input }) } satisfies EngineTask, (error) => error && reject(error));
    });
  return {
    load: (path) => ({
      run: (input) => run(path, input),
      close: async () => {
        await run(path);
      },
    }),
    close: async () => {
      closed = true;
      child.kill();
      await stopped;
    },
  };
}

/** Loads one model in an engine of its own. */
export function loadAlone(engine: Engine, path: string): LoadedModel {
  const model = engine.load(path);
  return { run: (input) => model.run(input), close: () => engine.close() };
}

function startChild(script: string): ChildProcess {
  return fork(script, {
    execArgv: ['-r', register],
    serialization: 'advanced',
  });
}
