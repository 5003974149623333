/** For tests: loss and gradients of a head, whole or of one member's classes, from the same embeddings, labels and weights. */
import { heads } from '../src/nn/registry';
import { Scope } from '../src/nn/scope';
import { groupInput } from '../src/runtime/ops/collective';
import { crossEntropy } from '../src/runtime/ops/cross-entropy';
import { Program } from '../src/runtime/program';
import { State } from '../src/runtime/state';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../src/runtime/tensorflow';
import { stream } from '../src/system/random';
import {
  columnsAmong,
  crossEntropyOverMembers,
  embeddingsOfAll,
  heldClasses,
  type ShardPlace,
} from '../src/train/class-shards';
import { gradientsOf } from '../src/train/optimiser/gradients';

const [images, size, classes] = [6, 5, 11];
const labels = Int32Array.from({ length: images }, (_, i) => (i * 7) % classes);

function embeddings(): Float32Array {
  const random = stream(3, 'embeddings');
  return Float32Array.from({ length: images * size }, () => random.normal());
}

export interface HeadResult {
  readonly loss: readonly number[];
  /** Gradients of this process's embeddings [images, size]. */
  readonly embedding: readonly number[];
  /** Gradients of this process's class vectors [classes, size]. */
  readonly weight: readonly number[];
}

/** The mean loss over all images, by one process; gradients of the sum of `of` members' means. */
export async function wholeHead(name: string, of: number): Promise<HeadResult> {
  const state = new State();
  const embedding = state.declare('embedding', 'trainable', [images, size], embeddings());
  const head = heads.named(name).build(Scope.root(state, 'net', 5), { inputs: size, classes, classRows: true });
  const step = new Program(state).define('whole', { columns: { dtype: 'int32', shape: [images] } }, ({ columns }) => {
    const own = columns as Tensor1D;
    return gradientsIn(state, () => crossEntropy(head.trainingLogits(embedding as Tensor as Tensor2D, own), own), of);
  });
  return plain(await step({ columns: labels }));
}

/** The same by one member of a group that is enabled: of its images and its classes. */
export async function shardedHead(name: string, place: ShardPlace, generation: number): Promise<HeadResult> {
  const { index, of } = place;
  const batch = images / of;
  const state = new State();
  const own = embeddings().slice(index * batch * size, (index + 1) * batch * size);
  const embedding = state.declare('embedding', 'trainable', [batch, size], own);
  const held = heldClasses(classes, place);
  const scope = Scope.root(state, 'net', 5).holding(held);
  const head = heads.named(name).build(scope, { inputs: size, classes: held.count, classRows: true });
  const inputs = { group: groupInput, columns: { dtype: 'int32', shape: [images] } } as const;
  const step = new Program(state).define('part', inputs, ({ group, columns }) => {
    const at = { ...place, group, name: `head/${name}` };
    return gradientsIn(state, () => {
      const all = embeddingsOfAll(embedding as Tensor as Tensor2D, at);
      return crossEntropyOverMembers(head.trainingLogits(all, columns as Tensor1D), columns as Tensor1D, at);
    });
  });
  return plain(await step({ columns: columnsAmong(labels, held), group: Int32Array.of(of, generation) }));
}

function gradientsIn(state: State, loss: () => Scalar, factor = 1) {
  const terms = () => ({ ce: { weight: factor, value: loss() } });
  const { values, gradients } = gradientsOf(state.all('trainable'), terms);
  const of = (name: string) => gradients.get(name) as Tensor;
  return { loss: tf.clone(values.ce as Tensor), embedding: of('embedding'), weight: of('net/weight') };
}

const plain = (outputs: Readonly<Record<'loss' | 'embedding' | 'weight', Float32Array>>): HeadResult => ({
  loss: [...outputs.loss],
  embedding: [...outputs.embedding],
  weight: [...outputs.weight],
});
