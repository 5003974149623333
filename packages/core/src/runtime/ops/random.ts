/**
 * Random numbers inside a step, from TensorFlow's stateless generators (Philox; Salmon et al., SC 2011). They depend on a
 * key alone, so compiled steps, eager steps and resumed runs draw the same. One key always gives the same numbers: use a
 * separate `substream` for every purpose.
 */

import { stream } from '../../system/random';
import { attr, execute, shapeTensor } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

export interface RandomKey {
  /** int32 [2] */
  readonly key: Tensor;
  /** The names of the substreams that lead here. */
  readonly path: readonly string[];
}

/** A key made of two integers, an input of the step: for instance the run's seed and the number of the step. */
export function randomKey(seedAndStep: Tensor): RandomKey {
  if (seedAndStep.dtype !== 'int32' || seedAndStep.shape.join() !== '2') {
    throw new Error(`A random key is int32 [2], not ${seedAndStep.dtype} [${seedAndStep.shape}].`);
  }
  return { key: seedAndStep, path: [] };
}

/** The key's stream of this name: unrelated to its other streams and to the key's own. */
export function substream({ key, path }: RandomKey, name: string): RandomKey {
  return { key, path: [...path, name] };
}

/** Runs a stateless generator. Its seed is the key's two words, each xor a hash of the path. */
function draw(
  op: string,
  dtype: 'float32' | 'int32',
  { key, path }: RandomKey,
  shape: readonly number[],
  more: readonly Tensor[] = [],
) {
  const attrs = [attr.type('dtype', dtype), attr.type('T', 'int32'), attr.type('Tseed', 'int32')];
  const words = stream(0, 'substream', ...path);
  const hash = tf.tensor1d([words.bits(), words.bits()], 'int32');
  const seed = execute('BitwiseXor', [attr.type('T', 'int32')], [key, hash]);
  return execute(op, attrs, [shapeTensor(shape), seed, ...more]);
}

/** Reals in [low, high), evenly distributed. */
export function uniform(key: RandomKey, shape: readonly number[], low = 0, high = 1): Tensor {
  return tf.tidy(() => {
    const unit = draw('StatelessRandomUniform', 'float32', key, shape);
    return low === 0 && high === 1 ? unit : tf.add(tf.mul(unit, high - low), low);
  });
}

/** Normally distributed reals. */
export function normal(key: RandomKey, shape: readonly number[], mean = 0, deviation = 1): Tensor {
  return tf.tidy(() => {
    const standard = draw('StatelessRandomNormal', 'float32', key, shape);
    return mean === 0 && deviation === 1 ? standard : tf.add(tf.mul(standard, deviation), mean);
  });
}

/** int32 in [0, below); below in [1, 2^31). Small numbers are favoured by at most below / 2^32. */
export function integers(key: RandomKey, shape: readonly number[], below: number): Tensor {
  if (!Number.isInteger(below) || below < 1 || below >= 2 ** 31) {
    throw new Error(`Random integers are below a whole number in [1, 2^31), not ${below}.`);
  }
  return tf.tidy(() => {
    const bounds = [tf.scalar(0, 'int32'), tf.scalar(below, 'int32')];
    return draw('StatelessRandomUniformInt', 'int32', key, shape, bounds);
  });
}

/**
 * Sets each element to 0 with probability `rate`, in [0, 1), and divides the others by 1 - rate (Srivastava et al., JMLR
 * 2014). The gradient passes where the value passed.
 */
export function dropout<T extends Tensor>(x: T, rate: number, key: RandomKey): T {
  if (!(rate >= 0 && rate < 1)) throw new Error(`The rate of dropout must be in [0, 1), not ${rate}.`);
  if (rate === 0) return tf.clone(x);
  return withGradient(
    [x],
    (input) => {
      const passes = tf.cast(tf.greaterEqual(uniform(key, input.shape), rate), 'float32');
      const factor = tf.mul(passes, 1 / (1 - rate));
      return { value: tf.mul(input, factor), saved: [factor] };
    },
    (dy, factor) => tf.mul(dy, factor),
  );
}
