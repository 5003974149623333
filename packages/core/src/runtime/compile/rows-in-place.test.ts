/** Steps that touch only rows of a variable: what they give, and that the variable is neither read nor written whole. */

import { gatherRows, withRows } from '../ops/rows';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor1D, type Tensor2D, tf, type Variable } from '../tensorflow';
import { compileStep, type Step } from './compile';
import type { InputSpecs } from './step-inputs';

const [images, size] = [6, 2];
const inputs = { at: { dtype: 'int32', shape: [2] }, rows: { dtype: 'float32', shape: [2, 2] } } as const;
type Given = Parameters<Step<typeof inputs, string>>[0];

interface Tables {
  readonly memory: Variable;
  /** Rows are gathered of it, and none is written. */
  readonly frozen: Variable;
}

type Body = (given: { at: Tensor1D; rows: Tensor2D }, tables: Tables) => ReturnType<Step<typeof inputs, string>>;

function tables() {
  const state = new State();
  const count = images * size;
  const memory = state.declare(
    'memory',
    'statistic',
    [images, size],
    Float32Array.from({ length: count }, (_, i) => i),
  );
  const frozen = state.declare('frozen', 'statistic', [images, size], new Float32Array(count).fill(0.5));
  return { state, memory, frozen };
}

const stepOf =
  (body: Body, of: Tables) =>
  ({ at, rows }: Given) =>
    body({ at: at as Tensor1D, rows: rows as Tensor2D }, of);

/** TensorFlow's operations on a variable's resource. */
function accesses(body: Body, specs: InputSpecs = inputs): Record<'memory' | 'frozen', string[]> {
  const { state, ...of } = tables();
  const { nodes } = compileStep('step', specs as typeof inputs, stepOf(body, of), state, () => []);
  const to = (name: string) => nodes.filter(({ inputs: [first] }) => first === `handle/${name}`).map(({ op }) => op);
  const found = { memory: to('memory').sort(), frozen: to('frozen').sort() };
  state.dispose();
  return found;
}

interface Call {
  readonly at: readonly number[];
  readonly rows: readonly number[];
}

/** What the calls return, and the memory after them. */
async function run(body: Body, calls: readonly Call[], eager: boolean) {
  const { state, ...of } = tables();
  const program = new Program(state, { eager });
  const step = program.define('step', inputs, stepOf(body, of));
  const returned: Readonly<Record<string, Float32Array>>[] = [];
  for (const { at, rows } of calls) {
    returned.push(await step({ at: Int32Array.from(at), rows: Float32Array.from(rows) }));
  }
  program.pull();
  const memory = [...(state.values().get('memory')?.values ?? [])];
  program.dispose();
  state.dispose();
  return { returned, memory };
}

const calls = [
  { at: [4, 1], rows: [10, 20, 30, 40] },
  { at: [1, 0], rows: [-1, -2, -3, -4] },
  { at: [4, 1], rows: [5, 6, 7, 8] },
];

const write: Body = ({ at, rows }, { memory }) => {
  const before = gatherRows(memory, at);
  memory.assign(withRows(memory, at, tf.add(tf.mul(before, 0.5), rows) as Tensor2D));
  return { before };
};

/** The rest of the tests hold for compiled steps and for eager ones. */
const both = [
  ['compiled', false],
  ['eager', true],
] as const;

describe.each(both)('%s', (_, eager) => {
  test('later steps and a pull see the rows that earlier steps wrote', async () => {
    const { returned, memory } = await run(write, calls, eager);
    expect(returned.map(({ before }) => [...(before ?? [])])).toEqual([
      [8, 9, 2, 3],
      [31, 41.5, 0, 1],
      [14, 24.5, 14.5, 18.75],
    ]);
    expect(memory).toEqual([-3, -3.5, 14.25, 17.375, 4, 5, 6, 7, 12, 18.25, 10, 11]);
  });

  test('a step sees the old rows, whenever it gathers them', async () => {
    const body: Body = ({ at, rows }, { memory }) => {
      const held = memory.clone();
      memory.assign(withRows(memory, at, rows));
      // Recorded behind the write, of the value before it.
      return { late: gatherRows(held, at) };
    };
    const { returned, memory } = await run(body, calls.slice(0, 2), eager);
    expect(returned.map(({ late }) => [...(late ?? [])])).toEqual([
      [8, 9, 2, 3],
      [30, 40, 0, 1],
    ]);
    expect(memory.slice(0, 4)).toEqual([-3, -4, -1, -2]);
  });

  test('a row that comes twice in a batch gets one of the two values', async () => {
    const { memory } = await run(write, [{ at: [3, 3], rows: [100, 100, 200, 200] }], eager);
    expect([
      [103, 103.5],
      [203, 203.5],
    ]).toContainEqual(memory.slice(6, 8));
    expect([...memory.slice(0, 6), ...memory.slice(8)]).toEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 11]);
  });

  test('a step that also reads the whole table sees its old values, and writes the rows', async () => {
    const body: Body = (given, of) => ({ ...write(given, of), sum: tf.sum(of.memory) });
    const before: Body = (given, of) => ({ sum: tf.sum(of.memory), ...write(given, of) });
    const first = await run(before, calls, eager);
    expect(first.returned.map(({ sum }) => sum?.[0])).toEqual([66, 155, 108.25]);
    expect(first.memory).toEqual((await run(write, calls, eager)).memory);
    // After its assignment a variable is its new value, as in any step.
    const after = await run(body, calls.slice(0, 1), eager);
    expect(after.returned[0]?.sum?.[0]).toBe(155);
  });

  test('a step may return the table with its rows written, and assign it to another table', async () => {
    const body: Body = (given, of) => {
      const { before = tf.scalar(0) } = write(given, of);
      of.frozen.assign(of.memory);
      return { before, all: of.memory };
    };
    const { returned, memory } = await run(body, calls, eager);
    expect([...(returned.at(-1)?.all ?? [])]).toEqual(memory);
    expect(memory).toEqual((await run(write, calls, eager)).memory);
  });

  test('two steps that write in turn, like micro-batches, each see the rows of the one before', async () => {
    const { state, ...of } = tables();
    const program = new Program(state, { eager });
    const steps = ['gather', 'train'].map((name) => program.define(name, inputs, stepOf(write, of)));
    const seen: number[][] = [];
    for (const [i, { at, rows }] of calls.entries()) {
      const result = await steps[i % 2]?.({ at: Int32Array.from(at), rows: Float32Array.from(rows) });
      seen.push([...(result?.before ?? [])]);
    }
    expect(seen).toEqual((await run(write, calls, eager)).returned.map(({ before }) => [...(before ?? [])]));
    program.dispose();
    state.dispose();
  });

  test('two writes in one step both count, the later one wins', async () => {
    const body: Body = ({ at, rows }, { memory }) => {
      memory.assign(withRows(memory, at, rows));
      memory.assign(withRows(memory, tf.add(at, tf.scalar(1, 'int32')) as Tensor1D, tf.neg(rows) as Tensor2D));
      return { rows };
    };
    const { memory } = await run(body, [{ at: [0, 1], rows: [1, 2, 3, 4] }], eager);
    expect(memory).toEqual([1, 2, -1, -2, -3, -4, 6, 7, 8, 9, 10, 11]);
  });

  test('steps that write rows and steps that read the whole table share it', async () => {
    const { state, ...of } = tables();
    const program = new Program(state, { eager });
    const writing = program.define('write', inputs, stepOf(write, of));
    const reading = program.define('read', {}, () => ({ all: tf.mul(of.memory, 1) }));
    const first = calls[0] as Call;
    await writing({ at: Int32Array.from(first.at), rows: Float32Array.from(first.rows) });
    const seen = [...(await reading({})).all];
    expect(seen).toEqual([0, 1, 31, 41.5, 4, 5, 6, 7, 14, 24.5, 10, 11]);
    program.dispose();
    state.dispose();
  });
});

test('a table whose rows change is neither read nor written whole', () => {
  expect(accesses(write).memory).toEqual(['ResourceGather', 'ResourceScatterNdUpdate']);
});

test('a table that is only read is gathered from, any number of times', () => {
  const body: Body = (given, of) => ({
    ...write(given, of),
    other: tf.add(gatherRows(of.frozen, given.at), gatherRows(of.frozen, tf.neg(given.at))),
  });
  expect(accesses(body)).toEqual({
    memory: ['ResourceGather', 'ResourceScatterNdUpdate'],
    frozen: ['ResourceGather', 'ResourceGather'],
  });
});

test.each<[string, Body]>([
  ['summed', (given, of) => ({ sum: tf.sum(of.memory), ...write(given, of) })],
  ['returned with its rows written', (given, of) => ({ ...write(given, of), all: of.memory })],
  [
    'multiplied and gathered from, but not written',
    ({ at }, { memory }) => ({ rows: gatherRows(memory, at), all: tf.mul(memory, 2) }),
  ],
  [
    'given a new value of all its rows',
    ({ at }, { memory }) => {
      const rows = gatherRows(memory, at);
      memory.assign(tf.mul(memory, 0.9));
      return { rows };
    },
  ],
  [
    'written to the places of its own rows',
    ({ at, rows }, { memory }) => {
      const before = gatherRows(memory, at);
      memory.assign(tf.transpose(tf.transpose(withRows(memory, at, rows))) as Tensor2D);
      return { before };
    },
  ],
])('a table that is also %s is read whole', (_, body) => {
  const { memory } = accesses(body);
  expect(memory).toContain('ReadVariableOp');
  expect(memory).not.toContain('ResourceScatterNdUpdate');
});

test('steps on a big table take no memory of its size, and a pull returns the written rows', async () => {
  const [rows, width, steps] = [400_000, 64, 200];
  const bytes = rows * width * 4;
  const state = new State();
  const memory = state.declare('memory', 'statistic', [rows, width], new Float32Array(rows * width));
  const program = new Program(state);
  const specs = { at: { dtype: 'int32', shape: [32] }, value: { dtype: 'float32', shape: [] } } as const;
  const step = program.define('step', specs, ({ at, value }) => {
    const before = gatherRows(memory, at);
    memory.assign(withRows(memory, at as Tensor1D, tf.add(before, value) as Tensor2D));
    return { sum: tf.sum(before) };
  });
  const placesOf = (i: number) => Int32Array.from({ length: 32 }, (_, k) => (i * 7919 + k * 6151) % rows);
  const expected = new Float32Array(rows);
  const one = async (i: number) => {
    for (const place of placesOf(i)) expected[place] = (expected[place] ?? 0) + i;
    await step({ at: placesOf(i), value: i });
  };
  for (let i = 0; i < 10; i++) await one(i);
  const start = process.memoryUsage().rss;
  let peak = start;
  for (let i = 10; i < steps; i++) {
    await one(i);
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  // A copy of the table would be all of it; jest and V8 may grow meanwhile.
  expect(peak - start).toBeLessThan(0.75 * bytes);
  program.pull();
  const values = state.values().get('memory')?.values ?? new Float32Array();
  const wrong = expected.findIndex(
    (value, row) => values[row * width] !== value || values[row * width + width - 1] !== value,
  );
  expect(wrong).toBe(-1);
  program.dispose();
  state.dispose();
});
