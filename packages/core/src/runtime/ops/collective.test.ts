import { backend, handleOf } from '../binding';
import { compileStep } from '../compile/compile';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor, type Tensor1D, tf } from '../tensorflow';
import * as collective from './collective';

const one = { x: { dtype: 'float32', shape: [5] } } as const;

test('TwoSum keeps what float32 loses, in eager and in compiled steps alike', async () => {
  const parts = [1, 2 ** -30, 3e7, -(2 ** -20), -3e7, 7 * 2 ** -33];
  const exact = Math.fround(parts.reduce((a, b) => a + b));
  for (const eager of [true, false]) {
    const state = new State();
    const hi = state.declare('hi', 'slot', [5], new Float32Array(5));
    const lo = state.declare('lo', 'slot', [5], new Float32Array(5));
    const program = new Program(state, { eager });
    const add = program.define('add', one, ({ x }) => {
      const sum = collective.twoSum({ hi, lo }, x);
      hi.assign(sum.hi as Tensor1D);
      lo.assign(sum.lo as Tensor1D);
      return { rounded: collective.exactRound(sum) };
    });
    let rounded: Float32Array | undefined;
    for (const part of parts) ({ rounded } = await add({ x: new Float32Array(5).fill(part) }));
    expect([...(rounded ?? [])]).toEqual(new Array(5).fill(exact));
    program.dispose();
    state.dispose();
  }
});

test('rounding leaves no tensors', () => {
  const [hi, lo] = [tf.ones([3]), tf.zeros([3])];
  handleOf(hi);
  handleOf(lo);
  const handles = backend().binding.getNumOfTensors();
  collective.exactRound({ hi, lo }).dispose();
  expect(backend().binding.getNumOfTensors()).toBe(handles);
  tf.dispose([hi, lo]);
});

test('an instance is a positive int32, another for another name', () => {
  const instances = ['a', 'b', 'sums/0', 'sums/1'].map(collective.instanceOf);
  for (const one of instances) expect(one).toBe(new Int32Array([one])[0]);
  for (const one of instances) expect(one).toBeGreaterThan(0);
  expect(new Set(instances).size).toBe(4);
  expect(collective.instanceOf('a')).toBe(instances[0]);
});

/** Compiles a step of all operations, and counts the collective ones that TensorFlow gets. */
function compileAll() {
  const { binding } = backend();
  const { executeOp } = binding;
  let run = 0;
  const counting = (...args: Parameters<typeof executeOp>) => {
    if (args[0].startsWith('Collective')) run++;
    return executeOp(...args);
  };
  // The addon's functions are no enumerable properties, and read-only.
  const copies = Object.getOwnPropertyNames(binding).map((key) => [key, binding[key as keyof typeof binding]]);
  backend().binding = { ...(Object.fromEntries(copies) as typeof binding), executeOp: counting };
  const state = new State();
  const w = state.declare('w', 'trainable', [5], new Float32Array(5));
  const table = state.declare('table', 'slot', [4, 5], new Float32Array(20));
  const untouched = state.declare('untouched', 'slot', [5], new Float32Array(5));
  try {
    const graph = compileStep(
      'all',
      { ...one, group: collective.groupInput },
      ({ x, group }) => {
        const sum = collective.sumOverMembers({ hi: x, lo: x }, { group, sums: 'exact' }, 1);
        const half = collective.sumOverMembers({ hi: x, lo: x }, { group, sums: 'bfloat16' }, 2);
        w.assign(collective.maxOverMembers(sum, group, 3) as Tensor1D);
        table.assign(tf.reshape(collective.receive([20], group, 4), [4, 5]));
        const rows = collective.gatherMembers(tf.reshape(x, [5, 1]), group, 5, 3);
        expect(rows.shape).toEqual([15, 1]);
        return {
          half,
          sent: collective.broadcastFrom(untouched, group, 6),
          rows,
          parts: collective.exchangeParts(tf.reshape(rows, [3, 5]), group, 7, 3),
        } satisfies Record<string, Tensor>;
      },
      state,
      () => [],
    );
    return { graph, run };
  } finally {
    backend().binding = binding;
    state.dispose();
  }
}

test('recording runs no collective operation, and every write waits for all of them', () => {
  const { graph, run } = compileAll();
  expect(run).toBe(0);
  expect(graph.collective).toBe(true);
  const collectives = graph.nodes.filter(({ op }) => op.startsWith('Collective')).map(({ name }) => `^${name}`);
  expect(collectives).toHaveLength(7);
  const writes = graph.nodes.filter(({ op }) => op === 'AssignVariableOp');
  expect(writes).toHaveLength(2);
  for (const { inputs } of writes) expect(inputs).toEqual(expect.arrayContaining(collectives));
});
