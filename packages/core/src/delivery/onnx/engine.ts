import { join } from 'node:path';
import { type Engine, startEngine } from '../engine/start';

/** onnxruntime-web. The tensors of a model of more than 2 GB lie beside it in `<file>.data`. */
export const startOnnx = (): Engine => startEngine('onnxruntime-web', join(__dirname, 'child.ts'));
