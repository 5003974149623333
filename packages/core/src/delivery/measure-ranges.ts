/**
 * The ranges of the numbers that layers read, for models that compute with 8 bits: the least and the largest number over some
 * pictures. On a distilled student these lost less than ranges that leave out a thousandth of the numbers.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadSavedModel } from '../runtime/exported-models';
import { makeProcessFolder } from '../system/process-folder';
import { makeProgress } from '../system/progress';
import { UserError } from '../system/user-error';
import { writeAtomically } from '../system/write-atomically';
import type { ModelInput } from './format';
import { type Graph, type Layer, needed, shapesOf } from './graph';
import type { Range, Ranges } from './ranges';
import { savedModelParts, servingTag, signatureName } from './tensorflow/saved-model';
import { writeTensorFlow } from './tensorflow/write';

/** The values that models of 8 bits store in 8 bits: what convolutions and matrix products read. */
export const valuesInBytes = ({ layers }: Pick<Graph, 'layers'>): readonly string[] => [
  ...new Set(layers.flatMap((layer) => (layer.kind === 'convolution' || layer.kind === 'linear' ? [layer.x] : []))),
];

/**
 * Measures the ranges of `valuesInBytes` by running the graph in TensorFlow.
 * @param batches the pictures, as the graph takes them
 * @param total the number of pictures
 * @throws UserError for numbers that are not finite
 */
export async function measureRanges(graph: Graph, batches: AsyncIterable<ModelInput>, total: number): Promise<Ranges> {
  const values = valuesInBytes(graph);
  const found = new Map(values.map((value) => [value, { low: 0, high: 0 }]));
  const folder = makeProcessFolder('headshare-ranges-');
  const progress = makeProgress('calibrate');
  try {
    // Loaders look for the folder of variables, of which there are none.
    mkdirSync(join(folder, 'variables'));
    writeAtomically(
      join(folder, 'saved_model.pb'),
      savedModelParts(writeTensorFlow(withRanges(graph, values), 'tensorflow', 'float32')),
    );
    const model = await loadSavedModel(folder, servingTag, signatureName, graph.input.name);
    try {
      let done = 0;
      for await (const { values: pictures, shape } of batches) {
        const made = await model.run(pictures, shape);
        for (const [i, value] of values.entries()) {
          const [low, high] = [-(made[`low${i}`]?.[0] as number), made[`high${i}`]?.[0] as number];
          if (!Number.isFinite(low) || !Number.isFinite(high)) {
            throw new UserError("--calibrate: the network's numbers are not finite for these pictures.", 1);
          }
          const range = found.get(value) as Range;
          found.set(value, { low: Math.min(range.low, low), high: Math.max(range.high, high) });
        }
        done += shape[0] as number;
        progress.update({ done, total, unit: 'pictures' });
        // TensorFlow computes without pause; signals need their turn.
        await new Promise((next) => setImmediate(next));
      }
    } finally {
      model.dispose();
    }
  } finally {
    progress.clear();
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

/** The same layers, with the negative of the least (`low0` ...) and the largest number (`high0` ...) of values as outputs. */
function withRanges({ input, layers, outputs: _, ...rest }: Graph, values: readonly string[]): Graph {
  const shapes = shapesOf({ input, layers });
  const all = new Map(layers.map((layer) => [layer.output, layer]));
  const outputs = new Map<string, string>();
  for (const [i, x] of values.entries()) {
    const shape = shapes.get(x) ?? [];
    const axes = shape.map((_size, axis) => axis);
    const reduced = { kind: 'reduce', op: 'max', shape: [], axes, keep: false } as const;
    const made: Layer[] = [
      { kind: 'elementwise', op: 'neg', output: `negative${i}`, shape, x },
      { ...reduced, output: `most_negative${i}`, x: `negative${i}` },
      { ...reduced, output: `largest${i}`, x },
    ];
    for (const layer of made) all.set(layer.output, layer);
    outputs.set(`low${i}`, `most_negative${i}`).set(`high${i}`, `largest${i}`);
  }
  return { ...rest, input, layers: needed(all, outputs.values()), outputs };
}
