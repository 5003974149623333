import { type ChildProcess, fork } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { LoadedModel, ModelInput } from '../format';

/**
 * Runs ONNX files in onnxruntime-web, in a process: it computes without pause, and the gigabyte that a large model takes there is
 * not this process's.
 */
export interface OnnxEngine {
  load(path: string): LoadedModel;
  close(): Promise<void>;
}

export interface EngineTask {
  readonly id: number;
  /** The model's file; its tensors lie beside it in `<file>.data` where they are more than 2 GB. */
  readonly path: string;
  /** Absent: forgets the model. */
  readonly input?: ModelInput;
}

export type EngineAnswer =
  | { readonly id: number; readonly outputs: Readonly<Record<string, Float32Array>> }
  | { readonly id: number; readonly error: string };

interface Waiting {
  readonly resolve: (outputs: Readonly<Record<string, Float32Array>>) => void;
  readonly reject: (error: Error) => void;
}

const workspace = resolve(__dirname, '../../../../..');

export function startOnnx(): OnnxEngine {
  const waiting = new Map<number, Waiting>();
  let tasks = 0;
  let closed = false;
  const child = startChild();
  child.on('message', (answer: EngineAnswer) => {
    const task = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) task?.reject(new Error(`onnxruntime-web: ${answer.error}`));
    else task?.resolve(answer.outputs);
  });
  const stopped = new Promise<void>((done) => {
    child.on('exit', (code, signal) => {
      closed = true;
      for (const { reject } of waiting.values()) reject(new Error(`onnxruntime-web stopped (${signal ?? code})`));
      waiting.clear();
      done();
    });
  });
  const run = (path: string, input?: ModelInput) =>
    new Promise<Readonly<Record<string, Float32Array>>>((resolve, reject) => {
      if (closed) {
        reject(new Error('onnxruntime-web has stopped'));
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

function startChild(): ChildProcess {
  return fork(join(__dirname, 'child.ts'), {
    execArgv: ['-r', require.resolve('@swc-node/register')],
    // By default swc-node looks for a tsconfig.json in the process's working folder.
    env: { ...process.env, TS_NODE_PROJECT: join(workspace, 'tsconfig.base.json') },
    serialization: 'advanced',
  });
}
