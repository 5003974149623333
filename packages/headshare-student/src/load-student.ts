import type { InferenceSession } from 'onnxruntime-web';
import { isTflite, readCard } from './read-card';
import { createStudent, type Runtime, type Student } from './student';

export interface LoadOptions {
  /** wasm (default) runs everywhere; webgpu wants a browser that has it, and a runtime built with it. */
  readonly engine?: 'wasm' | 'webgpu';
  /** Threads of the wasm engine; default: 1, which is fastest for small students. More need a page that is cross-origin isolated. */
  readonly threads?: number;
  /** onnxruntime-web, where the application loads it itself; default: `import('onnxruntime-web')`. */
  readonly runtime?: Runtime;
  /** The address of the folder with onnxruntime-web's .wasm files, ending in a slash; default: beside its script. */
  readonly wasmPaths?: string;
}

/**
 * Loads a student that `core:export` wrote as ONNX.
 * @param file the bytes, a Blob, or an address; in Node also a path
 * @throws Error in one sentence if the file cannot be fetched, is cut short, was not written by headshare, or cannot run
 */
export async function loadStudent(
  file: string | URL | Blob | ArrayBuffer | Uint8Array,
  { engine = 'wasm', threads = 1, runtime, wasmPaths }: LoadOptions = {},
): Promise<Student> {
  const bytes = await bytesOf(file);
  if (isTflite(bytes)) throw new Error('This is a .tflite file, for LiteRT.js: loadStudent runs ONNX files');
  const card = readCard(bytes);
  const ort: Runtime = runtime ?? (await import('onnxruntime-web'));
  ort.env.wasm.numThreads = threads;
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths;
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, { executionProviders: [engine] });
  } catch (error) {
    throw new Error(`onnxruntime-web cannot run this file with ${engine}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return createStudent(ort, session, card, engine);
}

async function bytesOf(file: string | URL | Blob | ArrayBuffer | Uint8Array): Promise<Uint8Array> {
  if (file instanceof Uint8Array) return file;
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  return inNode && !/^(https?|data|blob):/.test(String(file)) ? fromDisk(file) : fetched(file);
}

async function fromDisk(file: string | URL): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises');
  try {
    return await readFile(String(file).startsWith('file:') ? new URL(file) : file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${file} ${code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`}`, { cause: error });
  }
}

async function fetched(file: string | URL): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(file);
  } catch (error) {
    throw new Error(`${file} cannot be fetched: the server does not answer`, { cause: error });
  }
  if (!response.ok) throw new Error(`${file} cannot be fetched: the server answered ${response.status}`);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${file} cannot be fetched: the connection broke`, { cause: error });
  }
}
