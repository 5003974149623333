import { differences, worst } from '@headshare/core/delivery/compare';
import { type LoadOptions, loadStudent, type Picture, type Student } from 'headshare-student';
import type { Contents } from './contents';
import { find, messageOf, say } from './dom';

type Runtime = NonNullable<LoadOptions['runtime']>;

/** How far WebGPU's numbers may be from wasm's, relative to the largest. */
const tolerance = 1e-3;

/** The engines of the page, of which one is in use. */
export interface Engine {
  readonly student: Student;
  /** Runs work with the student in use, and shows how long it took. */
  timed<R>(work: (student: Student) => Promise<R>): Promise<R>;
}

/**
 * Loads the student with wasm, and offers WebGPU where the browser has it. WebGPU is used only after its numbers agreed
 * with wasm's, because drivers differ.
 * @throws Error where the browser has no WebAssembly, or the file is damaged
 */
export async function startEngine(model: Uint8Array): Promise<Engine> {
  if (typeof WebAssembly === 'undefined') {
    throw new Error('This browser has no WebAssembly, without which the network cannot run');
  }
  // A page that is not cross-origin isolated has no shared memory, and so one thread.
  const threads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  const wasm = await load('ort/ort.wasm.min.mjs', model, 'wasm', threads);
  let student = wasm;
  const menu = find<HTMLSelectElement>('engine');
  menu.append(new Option(`wasm, ${threads} ${threads === 1 ? 'thread' : 'threads'}`, 'wasm'));
  if ('gpu' in navigator) menu.append(new Option('WebGPU', 'webgpu'));
  menu.disabled = false;
  const speed = find('speed');

  let webGpu: Student | undefined;
  menu.addEventListener('change', async () => {
    if (menu.value === 'wasm') {
      student = wasm;
      return say(speed, '');
    }
    menu.disabled = true;
    say(speed, 'Comparing WebGPU with wasm …');
    try {
      webGpu ??= await load('ort/ort.webgpu.min.mjs', model, 'webgpu', 1);
      const difference = await largestDifference(wasm, webGpu);
      if (difference <= tolerance) {
        student = webGpu;
        say(speed, `WebGPU agrees with wasm to ${difference.toExponential(0)}`);
      } else {
        refuse(`WebGPU gives other numbers here (${percentOf(difference)} apart), so wasm stays in use.`);
      }
    } catch (error) {
      refuse(
        /no available adapter|no available backend|WebGPU is not/i.test(messageOf(error))
          ? 'This browser has no graphics processor for WebGPU, so wasm stays in use.'
          : `WebGPU does not work here, so wasm stays in use: ${messageOf(error)}`,
      );
    }
    menu.disabled = false;
  });
  const refuse = (text: string) => {
    menu.value = 'wasm';
    student = wasm;
    say(speed, text, 'problem');
  };

  return {
    get student() {
      return student;
    },
    timed: async (work) => {
      const start = performance.now();
      const result = await work(student);
      say(speed, `${(performance.now() - start).toFixed(1)} ms for the last picture`);
      return result;
    },
  };
}

async function load(script: string, model: Uint8Array, engine: 'wasm' | 'webgpu', threads: number): Promise<Student> {
  const base = new URL('ort/', location.href).href;
  const runtime = (await import(new URL(script, location.href).href)) as Runtime;
  return loadStudent(model, { runtime, engine, threads, wasmPaths: base });
}

/** The largest difference of two engines' outputs on a picture of noise, relative to the largest number. */
async function largestDifference(a: Student, b: Student): Promise<number> {
  const { height, width } = a.card.input;
  const output = a.card.outputs[0] ?? 'embedding';
  let seed = 1;
  const pixels = Uint8Array.from({ length: height * width * 3 }, () => {
    seed = (seed * 48271) % 2147483647;
    return seed & 255;
  });
  const picture: Picture = { pixels, width, height };
  const [[ours = new Float32Array()], [others = new Float32Array()]] = [
    await a.run([picture], output),
    await b.run([picture], output),
  ];
  return worst(differences({ [output]: ours }, { [output]: others })).relative;
}

const percentOf = (share: number) => `${(share * 100).toPrecision(2)} %`;

/** Fetches the student's file, with its progress in the line about it. @throws Error if it is missing or cut short */
export async function fetchModel({
  model: file,
  modelBytes: bytes,
  modelHash,
}: Pick<Contents, 'model' | 'modelBytes' | 'modelHash'>): Promise<Uint8Array> {
  const response = await fetch(file);
  if (!response.ok || !response.body)
    throw new Error(`${file} cannot be fetched: the server answered ${response.status}`);
  const model = new Uint8Array(new ArrayBuffer(bytes));
  let at = 0;
  const reader = response.body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const chunk = value ?? new Uint8Array();
    if (at + chunk.length > bytes) throw new Error(`${file} is longer than it was when the page was built`);
    model.set(chunk, at);
    at += chunk.length;
    find('about').textContent = `Loading the network: ${Math.floor((at / bytes) * 100)} %`;
  }
  if (at < bytes) throw new Error(`${file} is cut short: ${at} of ${bytes} bytes arrived`);
  // Browsers hash on pages from https or from this machine alone.
  if (crypto.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', model));
    const digits = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    if (digits !== modelHash) throw new Error(`${file} is damaged: it is not the file that the page was built with`);
  }
  return model;
}
