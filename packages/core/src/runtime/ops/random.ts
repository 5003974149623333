/**
 * Random numbers inside a step, from TensorFlow's stateless generators (Philox; Salmon et al., SC 2011): they depend on
 * a key and on nothing else, so that a step draws the same compiled and operation by operation, and after it has been
 * resumed. A key draws the same each time: give every use of its own `substream`.
 */

import { stream } from '../../system/random';
import { attr, execute, executeAll } from '../binding';
import { type Tensor, type Tensor1D, tf } from '../tensorflow';

export interface RandomKey {
  /** int32 [2] */
  readonly key: Tensor;
  /** The names of the substreams that lead here. */
  readonly path: readonly string[];
}

const types = (dtype: 'float32' | 'int32') => [attr.type('dtype', dtype), ...seedTypes];
const seedTypes = [attr.type('T', 'int32'), attr.type('Tseed', 'int32')];

/** A key made of two integers, an input of the step: for instance the run's seed and the number of the step. */
export function randomKey(seedAndStep: Tensor): RandomKey {
  if (seedAndStep.dtype !== 'int32' || seedAndStep.shape.join() !== '2') {
    throw new Error(`A random key is int32 [2], not ${seedAndStep.dtype} [${seedAndStep.shape}].`);
  }
  return { key: seedAndStep, path: [] };
}

/** The key's stream of that name: unrelated to those of other names, and to the key's own. */
export function substream({ key, path }: RandomKey, name: string): RandomKey {
  return { key, path: [...path, name] };
}

/** What the generators are seeded with: the key's words, each xor a hash of the path. */
function seedOf({ key, path }: RandomKey): Tensor {
  const words = stream(0, 'substream', ...path);
  const hash = tf.tensor1d([words.bits(), words.bits()], 'int32');
  return execute('BitwiseXor', [attr.type('T', 'int32')], [key, hash]);
}

const sizes = (shape: readonly number[]): Tensor => tf.tensor1d([...shape], 'int32');

/** Reals in [low, high), evenly. */
export function uniform(key: RandomKey, shape: readonly number[], low = 0, high = 1): Tensor {
  return tf.tidy(() => {
    const unit = execute('StatelessRandomUniform', types('float32'), [sizes(shape), seedOf(key)]);
    return low === 0 && high === 1 ? unit : tf.add(tf.mul(unit, high - low), low);
  });
}

/** Normally distributed reals. */
export function normal(key: RandomKey, shape: readonly number[], mean = 0, deviation = 1): Tensor {
  return tf.tidy(() => {
    const standard = execute('StatelessRandomNormal', types('float32'), [sizes(shape), seedOf(key)]);
    return mean === 0 && deviation === 1 ? standard : tf.add(tf.mul(standard, deviation), mean);
  });
}

/** int32 in [0, below); below in [1, 2^31). The bias towards small ones is at most below / 2^32. */
export function integers(key: RandomKey, shape: readonly number[], below: number): Tensor {
  if (!Number.isInteger(below) || below < 1 || below >= 2 ** 31) {
    throw new Error(`Random integers are below a whole number in [1, 2^31), not ${below}.`);
  }
  return tf.tidy(() => {
    const bounds = [tf.scalar(0, 'int32'), tf.scalar(below, 'int32')];
    return execute('StatelessRandomUniformInt', types('int32'), [sizes(shape), seedOf(key), ...bounds]);
  });
}

/** 0 ... count - 1 in random order, int32 [count]: for tf.gather. */
export function permutation(key: RandomKey, count: number): Tensor1D {
  return tf.tidy(() => {
    // The order of random integers. Of two that are equal, 1 in 2^32 pairs, the earlier one stays ahead.
    const draws = execute('StatelessRandomUniformFullInt', types('int32'), [sizes([count]), seedOf(key)]);
    const [, order] = executeAll(
      'TopKV2',
      [attr.bool('sorted', true), attr.type('T', 'int32')],
      [draws, tf.scalar(count, 'int32')],
      2,
    ) as [Tensor, Tensor1D];
    return order;
  });
}

/**
 * Sets each element to 0 with probability `rate`, in [0, 1), and divides the others by 1 - rate (Srivastava et al., JMLR
 * 2014). The gradient passes where the value passed.
 */
export function dropout<T extends Tensor>(x: T, rate: number, key: RandomKey): T {
  if (!(rate >= 0 && rate < 1)) throw new Error(`The rate of dropout must be in [0, 1), not ${rate}.`);
  if (rate === 0) return tf.clone(x);
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const passes = tf.cast(tf.greaterEqual(uniform(key, input.shape), rate), 'float32');
    const factor = tf.mul(passes, 1 / (1 - rate));
    save([factor]);
    return { value: tf.mul(input, factor), gradFunc: (dy: Tensor, [by]: Tensor[]) => tf.mul(dy, by as Tensor) };
  });
  return run(x) as T;
}
