import { leaked } from '../../../test/gradient-check';
import { stream } from '../../system/random';
import { hasKernel } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { exactRound, opsTwoSum, type TwoFloats, twoSum } from './collective';

const values = (name: string, size: number): Float32Array => {
  const random = stream(1, name);
  return Float32Array.from({ length: size }, () => (random.below(2 ** 24) - 2 ** 23) * 2 ** -random.below(40));
};
const bits = (x: Tensor) => Buffer.from(Float32Array.from(x.dataSync()).buffer).toString('base64');

/** The sum of four vectors, and the vectors. */
function added(add: typeof twoSum, size: number): TwoFloats {
  let sum: TwoFloats = { hi: tf.zeros([size]), lo: tf.zeros([size]) };
  for (const name of ['a', 'b', 'c', 'd']) sum = add(sum, tf.tensor1d(values(name, size)));
  return sum;
}

test('the kernel is there', () => {
  tf.zeros([1]).dispose();
  expect(hasKernel('HeadshareTwoSum')).toBe(true);
});

test.each([0, 1, 7, 1000, 32_768, 300_001])("%i sums have the bits of TensorFlow's operations", (size) => {
  tf.tidy(() => {
    const [own, theirs] = [added(twoSum, size), added(opsTwoSum, size)];
    expect(bits(own.hi)).toBe(bits(theirs.hi));
    expect(bits(own.lo)).toBe(bits(theirs.lo));
    // Already rounded.
    expect(bits(own.hi)).toBe(bits(exactRound(own)));
  });
});

test('a vector that others use keeps its values', () => {
  tf.tidy(() => {
    const x = tf.tensor1d(values('a', 5));
    twoSum({ hi: tf.ones([5]), lo: tf.zeros([5]) }, x);
    expect(Array.from(x.dataSync())).toEqual(Array.from(values('a', 5)));
  });
});

test('numbers that are not finite stay so', () => {
  tf.tidy(() => {
    const { hi } = twoSum({ hi: tf.ones([3]), lo: tf.zeros([3]) }, tf.tensor1d([Infinity, -Infinity, Number.NaN]));
    expect(Array.from(hi.dataSync()).some(Number.isFinite)).toBe(false);
  });
});

test('shapes that differ are refused, and nothing leaks', () => {
  const add = (size: number) => twoSum({ hi: tf.zeros([3]), lo: tf.zeros([3]) }, tf.zeros([size])).hi;
  expect(() => tf.tidy(() => add(4))).toThrow('hi, lo and x must agree in shape; got [3], [3] and [4].');
  expect(leaked(() => add(3))).toBe(0);
});
