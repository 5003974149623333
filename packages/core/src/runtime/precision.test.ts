import { UserError } from '../system/user-error';
import { backend } from './binding';
import { bfloat16Note, checkPrecision, onlyPass, requireEffect } from './precision';
import { Program } from './program';
import { State } from './state';
import { type Tensor, type Tensor2D, tf } from './tensorflow';

/** Not every processor and build of TensorFlow has it. */
let has = false;
beforeAll(async () => {
  has = await requireEffect('bfloat16').then(
    () => true,
    () => false,
  );
});

const third = 1 / 3;
const scalar = { dtype: 'float32', shape: [] } as const;
const matrix = (x: Tensor): Tensor2D => tf.fill([8, 8], 1).mul(x);

/** Products of 8 x 8 matrices that are `x` all over, and what the step keeps of `x`. */
function squaring(program: Program, state: State, precision: 'float32' | 'bfloat16') {
  const kept = state.declare(`kept/${precision}`, 'slot', [], Float32Array.of(0));
  return program.define(
    precision,
    { x: scalar },
    ({ x }) => {
      kept.assign(x);
      return { square: tf.max(tf.matMul(matrix(x), matrix(x))), twice: tf.mul(x, 2) };
    },
    { precision },
  );
}

test('of a step in bfloat16, matrix products are rounded; nothing else is, and no other step', async () => {
  if (!has) return;
  const state = new State();
  const program = new Program(state);
  const [exact, rounded] = [squaring(program, state, 'float32'), squaring(program, state, 'bfloat16')];
  for (let call = 0; call < 2; call++) {
    const { square, twice } = await rounded({ x: third });
    // bfloat16 has eight bits of 1/3, and eight of the sum.
    expect(square[0]).toBe(Math.round(8 * 0.333984375 ** 2 * 256) / 256);
    expect(twice[0]).toBe(Math.fround(2 * third));
    expect((await exact({ x: third })).square[0]).toBeCloseTo(8 / 9, 6);
  }
  program.pull();
  const values = state.values();
  expect(values.get('kept/bfloat16')).toEqual(values.get('kept/float32'));
  expect(values.get('kept/bfloat16')?.values).toEqual(Float32Array.of(third));
  program.dispose();
  state.dispose();
});

test('asking whether a precision has an effect leaves no tensor behind', async () => {
  const { binding } = backend();
  const before = binding.getNumOfTensors();
  await requireEffect('float32');
  await requireEffect('bfloat16').catch(() => undefined);
  expect(binding.getNumOfTensors()).toBe(before);
});

test('a precision that is without effect here is refused, once it is to be computed in', async () => {
  const program = new Program(new State());
  // Its pass looks at a GPU's operations only; command lines are told by checkPrecision before.
  const step = program.define('step', { x: scalar }, ({ x }) => ({ x: tf.add(x, 1) }), { precision: 'float16' });
  await expect(step({ x: 1 })).rejects.toThrow(
    new UserError('TensorFlow computes nothing in float16 on this machine: use --precision=float32.', 1),
  );
});

test.each([
  ['flags\t\t: fpu avx512f avx512_bf16 clzero', true],
  ['flags\t\t: fpu avx512f clzero\nbugs\t\t: avx512_bf16', false],
  ['Features\t: fp asimd bf16', true],
  ['', false],
])('a training says that the processor has bfloat16: %j', (cpuinfo, has) => {
  expect(bfloat16Note('float32', false, `processor\t: 0\n${cpuinfo}\n`)).toEqual(
    has ? expect.stringContaining('--precision=bfloat16') : undefined,
  );
  expect(bfloat16Note('bfloat16', false, cpuinfo)).toBeUndefined();
  expect(bfloat16Note('float32', true, cpuinfo)).toBeUndefined();
});

describe('what goes together', () => {
  const refusal = (...[precision, eager, device]: Required<Parameters<typeof checkPrecision>>) => {
    try {
      checkPrecision(precision, eager, device);
    } catch (error) {
      return error;
    }
    return 'allowed';
  };

  test.each([
    ['float32', true, 'cpu'],
    ['float32', false, 'gpu'],
    ['bfloat16', false, 'cpu'],
    ['float16', false, 'gpu'],
  ] as const)('%s, eager: %s, on a %s', (precision, eager, device) => {
    expect(refusal(precision, eager, device)).toBe('allowed');
  });

  test.each([
    ['float16', false, 'cpu', /^On a CPU --precision=float16 gains nothing, .* use float32 or bfloat16, or a GPU/],
    ['bfloat16', false, 'gpu', /^On a GPU .* --precision=bfloat16: use float16\.$/],
    ['bfloat16', true, 'cpu', /^--precision=bfloat16 does not go with --eager: /],
    ['float16', true, 'gpu', /^--precision=float16 does not go with --eager: /],
  ] as const)('not %s, eager: %s, on a %s', (precision, eager, device, message) => {
    expect(refusal(precision, eager, device)).toMatchObject({
      name: 'UserError',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });
});

test('a ConfigProto has the bytes of the protobuf format', () => {
  const minusOne = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  const rewriter = [0x60, 1, 0x88, 0x01, ...minusOne, 0xa8, 0x01, 1, 0xa2, 0x06, 2, 0x61, 0x62];
  const options = [0x52, rewriter.length, ...rewriter];
  expect([...onlyPass('ab')]).toEqual([0x52, options.length, ...options]);
});
