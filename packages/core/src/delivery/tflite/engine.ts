import { join } from 'node:path';
import { type Engine, loadAlone, startEngine } from '../engine/start';
import type { LoadedModel } from '../format';

/** LiteRT.js, which runs models in WebAssembly, one picture at a time. */
export const startLiteRt = (): Engine => startEngine('LiteRT.js', join(__dirname, 'child.ts'));

export const loadTflite = async (path: string): Promise<LoadedModel> => loadAlone(startLiteRt(), path);
