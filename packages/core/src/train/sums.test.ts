import { collectStatistics, moveRunning, setFirst, writeRows } from '../runtime/slice-statistics';
import { State } from '../runtime/state';
import { type Scalar, scoped, type Tensor1D, type Tensor2D, tf, type Variable } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { declareSums, isSliceSum, type Slice } from './sums';

const [slices, images] = [4, 2];
const indices = Int32Array.of(3, 0, 7, 5, 1, 2, 6, 4);
const sizes = { a: [3], b: [2, 2], unused: [5] };

function setUp(bucketBytes?: number) {
  const state = new State();
  const declare = (name: string, shape: readonly number[], merge?: 'running' | 'first' | 'rows') =>
    state.declare(
      name,
      merge ? 'statistic' : 'trainable',
      shape,
      new Float32Array(shape.reduce((x, y) => x * y, 1)).fill(1),
      { merge },
    );
  for (const [name, shape] of Object.entries(sizes)) declare(name, shape);
  const running = declare('running', [2], 'running');
  const first = declare('first', [], 'first');
  const rows = declare('rows', [8, 3], 'rows');
  const untouched = declare('untouched', [2], 'running');
  const sums = declareSums(state, {
    learned: state.all('trainable'),
    statistics: state.all('statistic'),
    ...{ slices, images, root: 'phase/', bucketBytes },
  });
  return { state, sums, running, first, rows, untouched };
}

type Parts = ReturnType<typeof setUp>;

/** Numbers of many magnitudes. */
const numbers = (name: string, size: number): Float32Array => {
  const random = stream(5, name);
  return Float32Array.from({ length: size }, () => (random.below(2 ** 24) - 2 ** 23) * 2 ** -random.below(12));
};

const gradientsOf = (slice: number) =>
  new Map([
    ['a', numbers(`a${slice}`, 3)],
    ['b', numbers(`b${slice}`, 4)],
  ]);

function sliceOf({ running, first, rows }: Parts, number: number): Slice {
  const own = tf.tensor1d(indices.subarray(number * images, (number + 1) * images), 'int32') as Tensor1D;
  const { statistics } = collectStatistics(() => {
    moveRunning(running, 0.25, tf.tensor1d([number + 1, 1]));
    setFirst(first, tf.scalar(10 + number));
    writeRows(rows, own, tf.fill([images, 3], 100 + number) as Tensor2D);
  });
  const given = [...gradientsOf(number)].map(([name, values]): [string, ReturnType<typeof tf.tensor>] => [
    name,
    tf.tensor(values, sizes[name as 'a' | 'b']),
  ]);
  const loss = tf.scalar(number / 3) as Scalar;
  return {
    number: tf.scalar(number, 'int32'),
    gradients: { gradients: new Map(given), values: { loss, ce: loss } },
    statistics,
    indices: own,
  };
}

/** A step whose slices come in this order. */
function stepped(order: readonly number[], parts = setUp()) {
  const { sums, state } = parts;
  const result = scoped(() => {
    for (const number of order.slice(0, -1)) sums.add(sliceOf(parts, number));
    const totals = sums.finish(sliceOf(parts, order.at(-1) ?? 0), tf.tensor1d(indices, 'int32'));
    const values = (from: object) =>
      Object.fromEntries(Object.entries(from).map(([name, one]) => [name, Array.from(one.dataSync())]));
    return { gradients: values(Object.fromEntries(totals.gradients)), reports: values(totals.reports) };
  });
  return { ...result, state: Object.fromEntries(state.values()) };
}

/** The sum as a whole number of 2^-20, rounded to float32 at the end. */
function exactly(values: readonly number[]): number {
  const sum = values.reduce((whole, value) => whole + BigInt(value * 2 ** 20), 0n);
  return Math.fround(Number(sum) * 2 ** -20);
}

const [inOrder, ...others] = [
  [0, 1, 2, 3],
  [3, 2, 1, 0],
  [2, 0, 3, 1],
] as const;

test('gradients are the exact sums, rounded once', () => {
  const { gradients } = stepped(inOrder);
  for (const [name, size] of [
    ['a', 3],
    ['b', 4],
  ] as const) {
    const expected = Array.from({ length: size }, (_, i) =>
      exactly(inOrder.map((slice) => gradientsOf(slice).get(name)?.[i] ?? 0)),
    );
    expect(gradients[name]).toEqual(expected);
  }
  expect(Object.keys(gradients)).toEqual(['a', 'b']);
});

test('the order of the slices leaves no trace', () => {
  for (const order of others) expect(stepped(order)).toEqual(stepped(inOrder));
});

test('buckets of any size give the same', () => {
  const own = ({ gradients, reports, state }: ReturnType<typeof stepped>) => ({
    gradients,
    reports,
    state: Object.entries(state).filter(([name]) => !name.includes('slices/')),
  });
  for (const bytes of [1, 16, 1e6]) expect(own(stepped(inOrder, setUp(bytes)))).toEqual(own(stepped(inOrder)));
});

test('buckets get smaller towards the end; where there are many, each has about a 16th at most', () => {
  const sizes = (many: number, each: number, bucketBytes?: number): readonly number[] => {
    const state = new State();
    for (let i = 0; i < many; i++) state.declare(`${i}`, 'trainable', [each], new Float32Array(each));
    declareSums(state, { learned: state.all(), statistics: [], slices, images, root: '', bucketBytes });
    const found = state.all().filter(({ name }) => name.startsWith('slices/hi/'));
    return found.map(({ shape }) => shape[0] ?? 0);
  };
  expect(sizes(8, 2 ** 17)).toEqual([4, 2, 1, 1].map((parts) => parts * 2 ** 17));
  expect(sizes(64, 1, 1)).toEqual([...Array(14).fill(4), 4, 2, 1, 1]);
  expect(sizes(10, 100)).toEqual([1000]);
});

test('each slice has its own reports; statistics move as if the slices came one after another', () => {
  const { reports, state } = stepped(inOrder);
  expect(reports).toEqual({ loss: [0, 1 / 3, 2 / 3, 1].map(Math.fround), ce: [0, 1 / 3, 2 / 3, 1].map(Math.fround) });
  // moveRunning got 0.25 s: 1, 2, 3, 4 in the first element, and 1 in each of the second.
  const sequential = (parts: readonly number[]) => parts.reduce((running, part) => 0.75 * running + part, 1);
  expect(Array.from(state.running?.values ?? [])).toEqual([sequential([1, 2, 3, 4]), sequential([1, 1, 1, 1])]);
  expect(Array.from(state.first?.values ?? [])).toEqual([10]);
  const row = (index: number) => Array.from(state.rows?.values.subarray(3 * index, 3 * index + 3) ?? []);
  for (const [i, index] of indices.entries())
    expect(row(index)).toEqual(new Array(3).fill(100 + Math.floor(i / images)));
  expect(Array.from(state.untouched?.values ?? [])).toEqual([1, 1]);
});

test('between steps, and after `clear`, the sums are zero', () => {
  const parts = setUp();
  const left = () =>
    parts.state
      .all()
      .filter(isSliceSum)
      .flatMap(({ variable }) => Array.from(variable.dataSync()))
      .filter((value) => value !== 0).length;
  expect(
    parts.state
      .all()
      .filter(isSliceSum)
      .map(({ name }) => name),
  ).toEqual(['phase/slices/hi/0', 'phase/slices/lo/0', 'phase/slices/own']);
  scoped(() => parts.sums.add(sliceOf(parts, 1)));
  expect(left()).toBeGreaterThan(0);
  parts.sums.clear();
  expect(left()).toBe(0);
  stepped(inOrder, parts);
  expect(left()).toBe(0);
});

test('nothing leaks', () => {
  const parts = setUp();
  stepped(inOrder, parts);
  const before = tf.memory().numTensors;
  stepped(inOrder, parts);
  expect(tf.memory().numTensors).toBe(before);
  const broken = () =>
    collectStatistics(() => {
      moveRunning(parts.running, 0.5, parts.running);
      throw new Error('broken');
    });
  expect(broken).toThrow('broken');
  expect(tf.memory().numTensors).toBe(before);
});

test('a statistic changes once a slice, as it is declared, and rows belong to the images', () => {
  const parts = setUp();
  const { running, first, rows, sums } = parts;
  const changed = (body: (slice: Slice) => void) =>
    scoped(() => {
      const slice = sliceOf(parts, 0);
      sums.add({ ...slice, statistics: collectStatistics(() => body(slice)).statistics });
    });
  expect(() =>
    changed(() => {
      for (let i = 0; i < 2; i++) moveRunning(running, 0.5, running as Variable);
    }),
  ).toThrow('changes state');
  expect(() => changed(() => setFirst(running, running))).toThrow('not declared as a statistic of the kind first');
  expect(() => changed(() => moveRunning(first, 0.5, first))).toThrow(
    'not declared as a statistic of the kind running',
  );
  const other = () => tf.tensor1d([1, 2], 'int32') as Tensor1D;
  expect(() => changed(() => writeRows(rows, other(), tf.zeros([images, 3])))).toThrow(
    "rows: with --accumulate, rows can be written at the images' indices only.",
  );
});
