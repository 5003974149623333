/**
 * A head whose classes are spread over the processes of a group (--shard-classes; Partial FC's model parallelism,
 * An et al., arXiv 2010.05222): each process gets the embeddings of all images and computes the logits of its own classes.
 * All processes take part in each slice at the same time, each with its own images.
 */
import type { HeldClasses } from '../nn/network';
import { exchangeParts, gatherMembers, instanceOf, maxOverMembers, sumExactly } from '../runtime/ops/collective';
import { ownEntries } from '../runtime/ops/cosine-margin';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';
import { withGradient } from '../runtime/with-gradient';

/** The group whose members share the classes, in the step of one slice. */
export interface SharedHead {
  readonly group: Tensor;
  readonly name: string;
  /** The labels of all members' images among the classes held here, int32 [members x batch]; -1 for others. */
  readonly columns: Tensor1D;
  /** The embeddings of all members' images, which a head needs to give the logits of the classes held here. */
  ofAll(embedding: Tensor2D): Tensor2D;
  /** See `crossEntropyOverMembers`. */
  crossEntropy(logits: Tensor2D): Scalar;
  /** See `divergenceOverMembers`. */
  divergence(student: Tensor2D, teacher: Tensor2D, temperature: number): Scalar;
}

/** @param at its name prefixes the names of the collective operations, which all members number alike */
export function sharedHead(at: ShardGroup, columns: Tensor1D): SharedHead {
  const gathered = new Map<Tensor2D, Tensor2D>();
  let count = 0;
  const next = (): ShardGroup => ({ ...at, name: `${at.name}/${count++}` });
  return {
    group: at.group,
    name: at.name,
    columns,
    ofAll(embedding) {
      const all = gathered.get(embedding) ?? embeddingsOfAll(embedding, next());
      gathered.set(embedding, all);
      return all;
    },
    crossEntropy: (logits) => crossEntropyOverMembers(logits, columns, next()),
    divergence: (student, teacher, temperature) => divergenceOverMembers(student, teacher, temperature, next()),
  };
}

/** A process's place among those that share the classes. */
export interface ShardPlace {
  /** Position among the members, from 0. */
  readonly index: number;
  /** How many members share the classes. */
  readonly of: number;
}

/** A process's place, and the classes that it holds. */
export interface ClassShards extends ShardPlace {
  readonly held: HeldClasses;
}

export interface ShardGroup extends ShardPlace {
  /** See `groupInput`. */
  readonly group: Tensor;
  /** Names the collective operations: each step has another name. */
  readonly name: string;
}

/** The classes that a member holds: shares differ by one class at most. */
export function heldClasses(classes: number, { index, of }: ShardPlace): HeldClasses {
  const from = Math.floor((index * classes) / of);
  return { from, count: Math.floor(((index + 1) * classes) / of) - from, of: classes };
}

/** The labels among the classes that are held here; -1 for others. */
export const columnsAmong = (labels: Int32Array, { from, count }: HeldClasses): Int32Array =>
  labels.map((label) => (label >= from && label < from + count ? label - from : -1));

/**
 * The embeddings [of x batch, d] of all members' images, from each one's [batch, d]. The gradient of a member's embeddings is
 * the sum of those that all members have for them.
 */
export function embeddingsOfAll(embedding: Tensor2D, { group, of, name }: ShardGroup): Tensor2D {
  return withGradient<readonly [Tensor2D], Tensor2D>(
    [embedding],
    (own) => ({ value: gatherMembers(own, group, instanceOf(`${name}/embeddings`), of) }),
    (dy) => {
      const forMine = exchangeParts(dy, group, instanceOf(`${name}/slopes`), of);
      return tf.sum(tf.reshape(forMine, [of, ...embedding.shape]), 0);
    },
  );
}

/**
 * The mean cross-entropy of this member's images over all classes. Its gradient is that of the sum of all members' means:
 * each member's logits are part of all of them.
 * @param logits [of x batch, classes held here] for all members' images, in the order of the members
 * @param columns the images' labels among the classes held here, int32 [of x batch]; -1 where another member holds the class
 */
export function crossEntropyOverMembers(
  logits: Tensor2D,
  columns: Tensor1D,
  { group, index, of, name }: ShardGroup,
): Scalar {
  const images = logits.shape[0];
  const batch = images / of;
  return withGradient(
    [logits],
    (given) => {
      const entries = ownEntries(columns);
      const top = maxOverMembers(tf.max(given, 1), group, instanceOf(`${name}/max`));
      const shifted = tf.sub(given, tf.expandDims(top, 1));
      const exponentials = tf.exp(shifted);
      const own = tf.where(entries.isThere, entries.read(shifted), tf.zerosLike(top));
      const sums = sumExactly(tf.concat([tf.sum(exponentials, 1), own]), group, instanceOf(`${name}/sum`));
      const [normaliser, target] = tf.split(sums, 2) as [Tensor, Tensor];
      const losses = tf.sub(tf.log(normaliser), target);
      return { value: tf.mean(tf.slice(losses, [index * batch], [batch])), saved: [exponentials, normaliser] };
    },
    (dy, exponentials, normaliser) => {
      const entries = ownEntries(columns);
      const weight = tf.div(dy, batch);
      const slopes = tf.mul(exponentials, tf.expandDims(tf.div(weight, normaliser), 1));
      const others = entries.read(slopes);
      return entries.replace(slopes, tf.where(entries.isThere, tf.sub(others, weight), others));
    },
  ).asScalar();
}

/**
 * `distillationDivergence` over all classes, of this member's images. Its gradient is that of the sum of all members' means,
 * as that of `crossEntropyOverMembers`; no gradient reaches the teacher.
 * @param student logits [of x batch, classes held here] for all members' images, in the order of the members
 * @param teacher logits of the same shape
 */
export function divergenceOverMembers(
  student: Tensor2D,
  teacher: Tensor2D,
  temperature: number,
  { group, index, of, name }: ShardGroup,
): Scalar {
  const images = student.shape[0];
  const batch = images / of;
  return withGradient(
    [student],
    (given) => {
      const softened = [given, teacher].map((logits) => tf.div(logits, temperature));
      const own = softened.map((logits) => tf.max(logits, 1));
      const tops = tf.split(maxOverMembers(tf.concat(own), group, instanceOf(`${name}/max`)), 2);
      const shifted = softened.map((logits, i) => tf.sub(logits, tf.expandDims(tops[i] as Tensor, 1)));
      const partial = shifted.map((logits) => tf.sum(tf.exp(logits), 1));
      const sums = tf.split(sumExactly(tf.concat(partial), group, instanceOf(`${name}/sum`)), 2);
      const [actual, expected] = shifted.map((logits, i) =>
        tf.sub(logits, tf.expandDims(tf.log(sums[i] as Tensor), 1)),
      ) as [Tensor, Tensor];
      const targets = tf.exp(expected);
      const divergences = sumExactly(
        tf.sum(tf.mul(targets, tf.sub(expected, actual)), 1),
        group,
        instanceOf(`${name}/divergence`),
      );
      const mean = tf.mean(tf.slice(divergences, [index * batch], [batch]));
      return { value: tf.mul(mean, temperature ** 2), saved: [tf.sub(tf.exp(actual), targets)] };
    },
    (dy, slope) => tf.mul(slope, tf.mul(dy, temperature / batch)),
  ).asScalar();
}
