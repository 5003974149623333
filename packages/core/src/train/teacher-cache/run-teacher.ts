import type { ImageDataset } from '../../data/dataset';
import type { EmbeddingShard } from '../../data/embedding-cache/embedding-shard';
import { type AugmentedCopies, readCopy } from '../../data/loading/augmented-copies';
import type { batches } from '../../data/loading/batches';
import { imageInput } from '../../runtime/compile/step-inputs';
import { Program } from '../../runtime/program';
import { State } from '../../runtime/state';
import type { Tensor4D } from '../../runtime/tensorflow';
import { loadNetwork } from '../networks/load-network';

export interface TeacherRun {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly dataset: ImageDataset;
  readonly views: AugmentedCopies;
  readonly batchSize: number;
  readonly eager: boolean;
}

/** A teacher that is loaded at the first request for embeddings. */
export interface RunningTeacher {
  /** Embeddings of a shard's images, batch by batch. */
  embeddings(shard: EmbeddingShard): AsyncIterable<Float32Array>;
  /** Embeddings of one augmented copy of some images, [images, dimension]. */
  embeddingsOf(indices: ArrayLike<number>, view: number): Promise<Float32Array>;
  dispose(): void;
}

/** Runs a teacher in evaluation mode, in float32, in its own program. */
export function runningTeacher({ teacher: file, dataset, views, batchSize, eager }: TeacherRun): RunningTeacher {
  let loaded: ReturnType<typeof load> | undefined;
  let disposed = false;

  function load() {
    if (disposed) throw new Error('Embeddings were requested from a disposed teacher.');
    const state = new State();
    const teacher = loadNetwork(state, 'teacher', file);
    const program = new Program(state, { eager });
    const size = teacher.description.inputSize;
    const inputs = { pixels: imageInput(batchSize, size) };
    const step = program.define('embed-teacher', inputs, ({ pixels }) => ({
      embedding: teacher.embed(pixels as Tensor4D, 'eval').embedding,
    }));
    return { state, program, step };
  }

  async function* embed(source: ReturnType<typeof batches>): AsyncGenerator<Float32Array> {
    for await (const { images, count } of source) {
      loaded ??= load();
      const { embedding } = await loaded.step({ pixels: images });
      yield embedding.subarray(0, count * (embedding.length / batchSize));
    }
  }

  return {
    embeddings: ({ copy, first, count }) =>
      embed(
        readCopy(dataset, views, copy, {
          batchSize,
          subset: Int32Array.from({ length: count }, (_, i) => first + i),
        }),
      ),
    async embeddingsOf(subset, view) {
      const parts: number[] = [];
      for await (const part of embed(readCopy(dataset, views, view, { batchSize, subset }))) parts.push(...part);
      return Float32Array.from(parts);
    },
    dispose() {
      disposed = true;
      loaded?.program.dispose();
      loaded?.state.dispose();
      loaded = undefined;
    },
  };
}
