/** For tests: loss and gradients of a head, whole or of one member's classes, from the same embeddings, labels and weights. */
import type { Head } from '../src/nn/head';
import { heads } from '../src/nn/registry';
import { Scope } from '../src/nn/scope';
import { groupInput } from '../src/runtime/ops/collective';
import { crossEntropy, distillationDivergence } from '../src/runtime/ops/cross-entropy';
import { Program } from '../src/runtime/program';
import { State } from '../src/runtime/state';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../src/runtime/tensorflow';
import { stream } from '../src/system/random';
import { columnsAmong, heldClasses, type ShardPlace, sharedHead } from '../src/train/class-shards';
import { gradientsOf } from '../src/train/optimiser/gradients';

const [images, size, classes] = [6, 5, 11];
const temperature = 3;
const labels = Int32Array.from({ length: images }, (_, i) => (i * 7) % classes);

function embeddings(of = 'embeddings'): Float32Array {
  const random = stream(3, of);
  return Float32Array.from({ length: images * size }, () => random.normal());
}

export interface HeadResult {
  readonly loss: readonly number[];
  /** Gradients of this process's embeddings [images, size]. */
  readonly embedding: readonly number[];
  /** Gradients of this process's class vectors [classes, size]. */
  readonly weight: readonly number[];
}

/** A head and its teacher's. @param name the head's; with ', distilled' the loss has KD and TH-KD's term too */
function networks(name: string, state: State, held?: ReturnType<typeof heldClasses>) {
  const [kind = '', distilled] = name.split(', ');
  const build = (root: string, seed: number): Head => {
    const scope = Scope.root(state, root, seed);
    const shape = { inputs: size, classes: held?.count ?? classes, classRows: true };
    return heads.named(kind).build(held ? scope.holding(held) : scope, shape);
  };
  return { head: build('net', 5), ...(distilled && { teacher: build('teacher', 6) }) };
}

type Softmax = {
  readonly divergence: (student: Tensor2D, teacher: Tensor2D, temperature: number) => Scalar;
  readonly ofAll: (embedding: Tensor2D) => Tensor2D;
};

const divergences = (
  head: Head,
  teacher: Head,
  embedding: Tensor2D,
  taught: Tensor2D,
  by: Softmax,
): readonly Scalar[] => {
  const [own, theirs] = [by.ofAll(embedding), by.ofAll(taught)];
  const expected = teacher.logits(theirs);
  return [head, teacher].map((one) => by.divergence(one.logits(own), expected, temperature));
};

/** The mean loss over all images, by one process; gradients of the sum of `of` members' means. */
export async function wholeHead(name: string, of: number): Promise<HeadResult> {
  const state = new State();
  const variable = state.declare('embedding', 'trainable', [images, size], embeddings());
  const embedding = variable as Tensor as Tensor2D;
  const { head, teacher } = networks(name, state);
  const step = new Program(state).define('whole', { columns: { dtype: 'int32', shape: [images] } }, ({ columns }) => {
    const own = columns as Tensor1D;
    const taught = tf.tensor2d(embeddings('taught'), [images, size]);
    const by = { divergence: distillationDivergence, ofAll: (given: Tensor2D) => given };
    return gradientsIn(
      state,
      () => [
        crossEntropy(head.trainingLogits(embedding, own), own),
        ...(teacher ? divergences(head, teacher, embedding, taught, by) : []),
      ],
      of,
    );
  });
  return plain(await step({ columns: labels }));
}

/** The same by one member of a group that is enabled: of its images and its classes. */
export async function shardedHead(name: string, place: ShardPlace, generation: number): Promise<HeadResult> {
  const { index, of } = place;
  const batch = images / of;
  const state = new State();
  const own = (of: string) => embeddings(of).slice(index * batch * size, (index + 1) * batch * size);
  const variable = state.declare('embedding', 'trainable', [batch, size], own('embeddings'));
  const embedding = variable as Tensor as Tensor2D;
  const held = heldClasses(classes, place);
  const { head, teacher } = networks(name, state, held);
  const inputs = { group: groupInput, columns: { dtype: 'int32', shape: [images] } } as const;
  const step = new Program(state).define('part', inputs, ({ group, columns }) => {
    const shared = sharedHead({ ...place, group, name: `head/${name}` }, columns as Tensor1D);
    const taught = tf.tensor2d(own('taught'), [batch, size]);
    return gradientsIn(state, () => [
      shared.crossEntropy(head.trainingLogits(shared.ofAll(embedding), shared.columns)),
      ...(teacher ? divergences(head, teacher, embedding, taught, shared) : []),
    ]);
  });
  return plain(await step({ columns: columnsAmong(labels, held), group: Int32Array.of(of, generation) }));
}

function gradientsIn(state: State, losses: () => readonly Scalar[], factor = 1) {
  const terms = () => ({ loss: { weight: factor, value: tf.addN([...losses()]) as Scalar } });
  const learned = state.all('trainable').filter(({ name }) => !name.startsWith('teacher/'));
  const { values, gradients } = gradientsOf(learned, terms);
  const of = (name: string) => gradients.get(name) as Tensor;
  return { loss: tf.clone(values.loss as Tensor), embedding: of('embedding'), weight: of('net/weight') };
}

const plain = (outputs: Readonly<Record<'loss' | 'embedding' | 'weight', Float32Array>>): HeadResult => ({
  loss: [...outputs.loss],
  embedding: [...outputs.embedding],
  weight: [...outputs.weight],
});
