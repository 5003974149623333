/** The process that runs .tflite files in LiteRT.js: see engine.ts. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import type { LiteRt } from '@litertjs/core';
import { concatenated } from '../concatenated';
import { serve } from '../engine/serve';
import type { LoadedModel } from '../format';

const folder = join(dirname(require.resolve('@litertjs/core/package.json')), 'wasm');

/** What the WebAssembly said last of an error; the exceptions that it throws have numbers alone. */
let complaint = '';

/**
 * LiteRT.js loads its WebAssembly as in a browser's worker: by a global function, from a script that leaves a factory in a
 * global. The script itself knows Node.
 */
function actAsWorker(): void {
  Object.assign(globalThis, {
    self: globalThis,
    importScripts: (script: string) => {
      const text = `${readFileSync(script, 'utf8')};return ModuleFactory;`;
      const factory = compileFunction(text, ['require', '__dirname', '__filename'], { filename: script });
      Object.assign(globalThis, { ModuleFactory: factory(require, dirname(script), script) });
    },
    Module: {
      locateFile: (file: string) => join(folder, file),
      // It reports each step.
      printErr: (line: string) => {
        if (line.startsWith('ERROR')) complaint = line;
      },
    },
  });
  // It warns that there is no WebGPU, which is not asked for.
  console.warn = () => undefined;
}

let started: Promise<LiteRt> | undefined;
async function start(): Promise<LiteRt> {
  actAsWorker();
  const { loadLiteRt } = await import('@litertjs/core');
  return loadLiteRt(folder);
}

async function open(path: string): Promise<LoadedModel> {
  started ??= start();
  const { loadAndCompile, Tensor } = await import('@litertjs/core');
  await started;
  const model = await explained(loadAndCompile(readFileSync(path), { accelerator: 'wasm' }));
  const names = model.getOutputDetails().map(({ name }) => name);
  return {
    async run({ shape: [count = 0, ...sizes], values }) {
      const size = sizes.reduce((a, b) => a * b, 1);
      const rows = names.map((): Float32Array[] => []);
      for (let i = 0; i < count; i++) {
        const input = new Tensor(values.slice(i * size, (i + 1) * size), [1, ...sizes]);
        const outputs = await explained(model.run([input]));
        input.delete();
        for (const [at, output] of outputs.entries()) {
          rows[at]?.push((output.toTypedArray() as Float32Array).slice());
          output.delete();
        }
      }
      return Object.fromEntries(names.map((name, at) => [name, concatenated(rows[at] ?? [])]));
    },
    close: async () => model.delete(),
  };
}

async function explained<T>(result: Promise<T>): Promise<T> {
  complaint = '';
  try {
    return await result;
  } catch (error) {
    throw new Error(complaint || String((error as Partial<Error>)?.message ?? error));
  }
}

serve(open);
