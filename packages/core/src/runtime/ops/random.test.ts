import { leaked } from '../../../test/gradient-check';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor, tf } from '../tensorflow';
import { dropout, integers, normal, randomKey, substream, uniform } from './random';

const key = (seed = 1, step = 0) => randomKey(tf.tensor1d([seed, step], 'int32'));
const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const moment = (numbers: readonly number[], power: number) => mean(numbers.map((value) => value ** power));

const many = 100_000;

test('uniform numbers are within their bounds, with the moments 1/2 and 1/3', () => {
  const drawn = values(uniform(key(), [many]));
  expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
  expect([moment(drawn, 1), moment(drawn, 2)]).toEqual([expect.closeTo(1 / 2, 2), expect.closeTo(1 / 3, 2)]);
  const between = values(uniform(key(), [many], -3, -1));
  expect([Math.min(...between.slice(0, 1000)) >= -3, Math.max(...between.slice(0, 1000)) < -1]).toEqual([true, true]);
  expect(mean(between)).toBeCloseTo(-2, 1);
});

test('normal numbers have the moments 0, 1, 0 and 3', () => {
  const drawn = values(normal(key(), [many]));
  expect([1, 2, 3, 4].map((power) => moment(drawn, power))).toEqual(
    [0, 1, 0, 3].map((wanted) => expect.closeTo(wanted, 1)),
  );
  expect(mean(values(normal(key(), [many], 5, 0.1)))).toBeCloseTo(5, 2);
});

test('integers are equally frequent', () => {
  const drawn = integers(key(), [many], 4);
  expect([drawn.dtype, drawn.shape]).toEqual(['int32', [many]]);
  const counts = [0, 1, 2, 3].map((wanted) => values(drawn).filter((value) => value === wanted).length / many);
  expect(counts).toEqual([0.25, 0.25, 0.25, 0.25].map((wanted) => expect.closeTo(wanted, 2)));
  expect(() => integers(key(), [1], 0)).toThrow('below a whole number in [1, 2^31), not 0');
});

test('the numbers depend on seed, step and the names of substreams alone', () => {
  const draws = [
    key(),
    key(2),
    key(1, 1),
    key(0, 1),
    substream(key(), 'a'),
    substream(key(), 'b'),
    substream(substream(key(), 'a'), 'b'),
    substream(substream(key(), 'b'), 'a'),
    substream(key(), 'ab'),
  ].map((one) => values(uniform(one, [2])).join());
  expect(new Set(draws).size).toBe(draws.length);
  uniform(key(), [100]);
  expect(values(uniform(substream(key(), 'a'), [2])).join()).toBe(draws[4]);
  expect(values(uniform(key(), [1]))[0]).toBe(Number(draws[0]?.split(',')[0]));
});

test('a key is two integers', () => {
  expect(() => randomKey(tf.tensor1d([1, 2]))).toThrow('A random key is int32 [2], not float32 [2].');
  expect(() => randomKey(tf.scalar(1, 'int32'))).toThrow('A random key is int32 [2], not int32 [].');
});

test('dropout and its gradient keep the share 1 - rate, scaled', () => {
  const x = tf.add(uniform(substream(key(), 'x'), [many]), 1);
  const [y, dx] = [dropout(x, 0.3, key()), tf.grad((given) => dropout(given, 0.3, key()))(x)];
  const ratios = values(tf.div(y, x));
  expect(ratios.filter((ratio) => ratio === 0).length / many).toBeCloseTo(0.3, 2);
  expect(ratios.every((ratio) => ratio === 0 || Math.abs(ratio - 1 / 0.7) < 1e-6)).toBe(true);
  expect(values(tf.notEqual(dx, 0))).toEqual(values(tf.notEqual(y, 0)));
  expect(new Set(values(dx))).toEqual(new Set([0, Math.fround(1 / (1 - 0.3))]));
  expect(values(dropout(x, 0, key()))).toEqual(values(x));
  expect(() => dropout(x, 1, key())).toThrow('The rate of dropout must be in [0, 1), not 1.');
});

test("a compiled step draws the eager step's numbers at every call", async () => {
  const inputs = { x: { dtype: 'float32', shape: [64] }, random: { dtype: 'int32', shape: [2] } } as const;
  const step = (eager: boolean) =>
    new Program(new State(), { eager }).define('draw', inputs, ({ x, random }) => {
      const own = randomKey(random);
      return {
        uniform: uniform(substream(own, 'uniform'), [3, 5], -1, 1),
        normal: normal(substream(own, 'normal'), [33]),
        integers: tf.cast(integers(substream(own, 'integers'), [7], 10), 'float32'),
        dropout: dropout(x, 0.5, substream(own, 'one')),
        another: dropout(x, 0.5, substream(own, 'another')),
        gradient: tf.grad((given) => dropout(given, 0.5, substream(own, 'one')))(x),
      };
    });
  const [eager, compiled] = [step(true), step(false)];
  const x = new Float32Array(64).fill(1);
  const seen = [];
  for (const random of [Int32Array.of(1, 0), Int32Array.of(1, 1), Int32Array.of(-7, 2 ** 30)]) {
    const drawn = await compiled({ x, random });
    expect(drawn).toEqual(await eager({ x, random }));
    expect(drawn.dropout).toEqual(drawn.gradient);
    expect(drawn.dropout).not.toEqual(drawn.another);
    seen.push(drawn.uniform.join());
  }
  expect(new Set(seen).size).toBe(3);
});

test('nothing leaks', () => {
  const own = key();
  const x = tf.ones([4]);
  expect(leaked(() => tf.grad((given) => dropout(given, 0.5, own))(x))).toBe(0);
  expect(leaked(() => [uniform(own, [2], 1, 2), normal(own, [2], 1), integers(own, [2], 3)])).toBe(0);
});
