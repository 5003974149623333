/**
 * TensorFlow's collective operations, parts of compiled steps that all members of a group run at the same time
 * (runtime/cluster.ts). A group is an input of the step, so a step is compiled once, whoever the members are.
 *
 * Each operation has an instance, a number that is the same in all members and no other operation's of the same group.
 * A lost member makes the step reject with LostPeers, and leaves the state as it was.
 */
import { createHash } from 'node:crypto';
import {
  type Attr,
  attr,
  backend,
  type DType,
  execute,
  executeAll,
  handleOf,
  hasKernel,
  type TensorInfo,
} from '../binding';
import { membersAttr } from '../compile/output-shapes';
import { type Tensor, tf } from '../tensorflow';

/** The input of a step that gives its group: (the number of members, the generation). */
export const groupInput = { dtype: 'int32', shape: [2] } as const;

/** How sums of floats travel. */
export const sumTypes = ['exact', 'float32', 'bfloat16'] as const;

/**
 * exact: as float64, rounded once at the end, so that neither order nor number of members leaves a trace; twice the bytes.
 * float32: rounded at each addition. bfloat16: half the bytes, about 3 digits.
 */
export type SumType = (typeof sumTypes)[number];

/** A number as the sum of two float32: `lo` is what `hi` lost to rounding. */
export interface TwoFloats {
  readonly hi: Tensor;
  readonly lo: Tensor;
}

// TensorFlow cuts a member's share of a sum until the parts are below 4 MB, but by default into 2 at most. Measured with 2
// processes and 40 MB of float32: 16 parts take 0.6 of the time, and as float64 0.3, with half the processor's time.
const maxParts = 16;

// Coordination notices a lost member within seconds. This is for a member that lives but never comes.
const timeoutSeconds = 600;

/** The instance of a name: int32 in [1, 2^31), the same in every process. */
export function instanceOf(name: string): number {
  const word = createHash('sha256').update(name).digest().readUInt32LE() >>> 1;
  return Math.max(1, word);
}

/**
 * `sum` + x, elementwise, with an error near 2^-48 of the sum (Knuth, TAOCP 2, 4.2.2, theorem B, and once more); the result's
 * `hi` is all of it rounded to float32. By a kernel of this package (packages/core/native/two-sum.cc) where there is one.
 */
export function twoSum(sum: TwoFloats, x: Tensor): TwoFloats {
  if (!hasKernel('HeadshareTwoSum')) return opsTwoSum(sum, x);
  const [hi, lo] = executeAll('HeadshareTwoSum', [], [sum.hi, sum.lo, x], 2) as [Tensor, Tensor];
  return { hi, lo };
}

/** `twoSum` with TensorFlow's operations, for any device, with the same bits. */
export function opsTwoSum({ hi, lo }: TwoFloats, x: Tensor): TwoFloats {
  return tf.tidy(() => {
    const sum = tf.add(hi, x);
    const added = tf.sub(sum, hi);
    const lost = tf.add(tf.sub(hi, tf.sub(sum, added)), tf.sub(x, added));
    const low = tf.add(lo, lost);
    const high = tf.add(sum, low);
    return { hi: high, lo: tf.sub(low, tf.sub(high, sum)) };
  });
}

/** hi + lo in float32, rounded once, as `sumOverMembers` does with one member; without a network. */
export function exactRound(sum: TwoFloats): Tensor {
  return inType('float64', sum, (handle) => handle);
}

/** The sum over all members of hi + lo, in float32. */
export function sumOverMembers(
  sum: TwoFloats,
  { group, sums }: { readonly group: Tensor; readonly sums: SumType },
  instance: number,
): Tensor {
  if (sums === 'float32') return sumExactly(sum.hi, group, instance);
  if (sums === 'bfloat16') {
    return inType('bfloat16', { hi: sum.hi }, (handle, run) => reduce('bfloat16', 'Add', handle, group, instance, run));
  }
  return inType('float64', sum, (handle, run) => reduce('float64', 'Add', handle, group, instance, run));
}

/**
 * The sum over all members in float32. It is exact where every element is nonzero in one member only: so members can fill a
 * common table, each its own places.
 */
export function sumExactly(x: Tensor, group: Tensor, instance: number): Tensor {
  return reduceFloats('Add', x, group, instance);
}

/** The largest of all members' values, elementwise. */
export function maxOverMembers(x: Tensor, group: Tensor, instance: number): Tensor {
  return reduceFloats('Max', x, group, instance);
}

/** Sends float32 `x` to all other members, which `receive` it in a step of their own; returns `x`. */
export function broadcastFrom(x: Tensor, group: Tensor, instance: number): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('T', 'float32'), ...common];
    return execute('CollectiveBcastSendV2', attrs, [x, ...groupInputs(group, instance)]);
  });
}

/** The float32 tensor that one member sends with `broadcastFrom`. */
export function receive(shape: readonly number[], group: Tensor, instance: number): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('T', 'float32'), attr.type('Tshape', 'int32'), ...common];
    const inputs = [...groupInputs(group, instance), tf.tensor1d([...shape], 'int32')];
    return execute('CollectiveBcastRecvV2', attrs, inputs);
  });
}

/**
 * The rows of all members' float32 `x` [rows, ...], one member's after another's, in `inOrderOfParts`.
 * @param members the number of members, if the step is compiled for it alone. Without it the result's shape, as the step
 * sees it, is that of one member: it can only be the step's output, which then has members x rows.
 */
export function gatherMembers(x: Tensor, group: Tensor, instance: number, members?: number): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('T', 'float32'), ...common, ...stateful];
    if (members !== undefined) attrs.push(attr.int(membersAttr, members));
    return execute('CollectiveGatherV2', attrs, [x, ...groupInputs(group, instance)]);
  });
}

/**
 * Of float32 `x` [members x rows, ...] the i-th part goes to the i-th member: the result has the members' parts for this
 * one, in `inOrderOfParts`.
 * @param members the number of members; the step is compiled for it alone
 */
export function exchangeParts(x: Tensor, group: Tensor, instance: number, members: number): Tensor {
  return tf.tidy(() => {
    const attrs = [attr.type('T', 'float32'), ...common, ...stateful];
    const parts = tf.reshape(x, [members, -1]);
    return tf.reshape(execute('CollectiveAllToAllV2', attrs, [parts, ...groupInputs(group, instance)]), x.shape);
  });
}

const common: readonly Attr[] = [
  attr.string('communication_hint', 'auto'),
  attr.float('timeout_seconds', timeoutSeconds),
];

const stateful: readonly Attr[] = [attr.bool('is_stateless', false), attr.int('Nordering_token', 0)];

/** group_size, group_key and instance_key. */
function groupInputs(group: Tensor, instance: number): Tensor[] {
  const part = (at: number) => tf.reshape(tf.slice(group, [at], [1]), []);
  return [part(0), part(1), tf.scalar(instance, 'int32')];
}

type Run = (op: string, attrs: readonly Attr[], inputs: readonly number[]) => number;

function reduceFloats(merge: 'Add' | 'Max', x: Tensor, group: Tensor, instance: number): Tensor {
  return tf.tidy(() =>
    execute('CollectiveReduceV2', reduction('float32', merge), [x, ...groupInputs(group, instance)]),
  );
}

function reduce(type: keyof typeof DType, merge: 'Add', x: number, group: Tensor, instance: number, run: Run): number {
  return run('CollectiveReduceV2', reduction(type, merge), [x, ...groupInputs(group, instance).map(handleOf)]);
}

const reduction = (type: keyof typeof DType, merge: 'Add' | 'Max'): Attr[] => [
  attr.type('T', type),
  attr.string('merge_op', merge),
  attr.string('final_op', 'Id'),
  ...common,
  ...stateful,
  attr.int('max_subdivs_per_device', maxParts),
];

/**
 * The float32 result of `body`, which computes with hi + lo in a type that tfjs lacks, and so with handles instead of
 * tensors.
 */
function inType(
  type: 'float64' | 'bfloat16',
  { hi, lo }: { readonly hi: Tensor; readonly lo?: Tensor },
  body: (sum: number, run: Run) => number,
): Tensor {
  const { binding, createOutputTensor } = backend();
  const made: number[] = [];
  const output = (op: string, attrs: readonly Attr[], inputs: readonly number[]): TensorInfo =>
    binding.executeOp(op, attrs, inputs, 1)[0] as TensorInfo;
  const run: Run = (op, attrs, inputs) => {
    const { id } = output(op, attrs, inputs);
    made.push(id);
    return id;
  };
  const widened = (x: Tensor) => run('Cast', casting('float32', type), [handleOf(x)]);
  try {
    return tf.tidy(() => {
      const sum = lo ? run('AddV2', [attr.type('T', type)], [widened(hi), widened(lo)]) : widened(hi);
      return createOutputTensor.call(backend(), output('Cast', casting(type, 'float32'), [body(sum, run)]));
    });
  } finally {
    // A recording's handles are negative, and nothing lies behind them.
    for (const id of made) if (id >= 0) binding.deleteTensor(id);
  }
}

const casting = (from: keyof typeof DType, to: keyof typeof DType): Attr[] => [
  attr.type('SrcT', from),
  attr.type('DstT', to),
  attr.bool('Truncate', false),
];
