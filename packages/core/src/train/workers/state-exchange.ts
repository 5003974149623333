/** Steps that carry values from worker to worker: the whole state, or each one's part of a table. */

import { broadcastFrom, gatherMembers, groupInput, instanceOf, receive } from '../../runtime/ops/collective';
import type { CompiledStep, Program } from '../../runtime/program';
import type { StateVariable } from '../../runtime/state';
import { type Tensor, tf } from '../../runtime/tensorflow';

type GroupStep = CompiledStep<{ readonly group: typeof groupInput }, string>;

/** Steps that give the values of shared variables to all other members. */
export function stateExchange(program: Program, label: string, isShared: (entry: StateVariable) => boolean) {
  const inputs = { group: groupInput };
  const sizeOf = (bucket: readonly StateVariable[]) => bucket.reduce((sum, { variable }) => sum + variable.size, 0);
  const instance = (i: number) => instanceOf(`${label}/state/${i}`);
  const buckets = () => bucketsOf(program.state.all().filter(isShared));
  /** A scalar that needs all tensors: without an output that needs it, nothing is sent. */
  const needing = (tensors: readonly Tensor[]) => ({
    done: tf.addN([tf.scalar(0), ...tensors.map((one) => tf.mul(tf.reshape(tf.slice(one, [0], [1]), []), 0))]),
  });
  const send: GroupStep = program.define(`send-${label}`, inputs, ({ group }) =>
    needing(
      buckets().map((bucket, i) => {
        const flat = tf.concat(bucket.map(({ variable }) => tf.reshape(variable, [-1])));
        return broadcastFrom(flat, group, instance(i));
      }),
    ),
  );
  const receiveAll: GroupStep = program.define(`receive-${label}`, inputs, ({ group }) =>
    needing(
      buckets().map((bucket, i) => {
        const flat = receive([sizeOf(bucket)], group, instance(i));
        let at = 0;
        for (const { variable } of bucket) {
          const { size, shape } = variable;
          variable.assign(tf.reshape(tf.slice(flat, [at], [size]), shape));
          at += size;
        }
        return flat;
      }),
    ),
  );
  return { send, receive: receiveAll };
}

// Values of a broadcast: small tensors travel together, and no copy takes much memory.
const bucketSize = 1 << 20;

function bucketsOf(entries: readonly StateVariable[]): readonly (readonly StateVariable[])[] {
  const buckets: StateVariable[][] = [];
  let room = 0;
  for (const entry of entries) {
    if (room <= 0) {
      buckets.push([]);
      room = bucketSize;
    }
    buckets.at(-1)?.push(entry);
    room -= entry.variable.size;
  }
  return buckets;
}

export function gatherStep(program: Program, name: string, length: number, group: () => Int32Array) {
  const inputs = { values: { dtype: 'float32', shape: [length] }, group: groupInput } as const;
  const step = program.define(name, inputs, ({ values, group }) => ({
    all: gatherMembers(values, group, instanceOf(name)),
  }));
  return async (values: Float32Array): Promise<Float32Array> => (await step({ values, group: group() })).all;
}
