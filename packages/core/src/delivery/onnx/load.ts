import type { LoadedModel } from '../format';
import { startOnnx } from './engine';

/** Loads one ONNX file in an engine of its own. */
export async function loadOnnx(path: string): Promise<LoadedModel> {
  const engine = startOnnx();
  const model = engine.load(path);
  return { run: (input) => model.run(input), close: () => engine.close() };
}
