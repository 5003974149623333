/** For tests of many models: engines that run in a process of their own are started once, which takes a second. */
import type { Engine } from '../src/delivery/engine/start';
import type { Format, LoadedModel } from '../src/delivery/format';
import type { Graph } from '../src/delivery/graph';
import { startOnnx } from '../src/delivery/onnx/engine';
import { startLiteRt } from '../src/delivery/tflite/engine';

const starters: Readonly<Record<string, () => Engine>> = { onnx: startOnnx, tflite: startLiteRt };

export function sharedEngines() {
  const engines = new Map<string, Engine>();
  return {
    async load(format: Format, path: string, graph: Graph): Promise<LoadedModel> {
      const start = starters[format.name];
      if (!start) return format.load(path, graph);
      const engine = engines.get(format.name) ?? start();
      engines.set(format.name, engine);
      return engine.load(path);
    },
    async close(): Promise<void> {
      for (const engine of engines.values()) await engine.close();
    },
  };
}
