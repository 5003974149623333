/**
 * A group of workers that trains one network: each computes its share of every step's slices, the sums over all slices are
 * made in the step (runtime/ops/collective.ts), and when workers are lost or join, all go on from the state of the one that
 * is furthest. Whoever computes what leaves no trace in the result.
 */
import { LostGeneration } from '../cluster/lost';
import type { Member } from '../cluster/member';
import type { Membership } from '../cluster/messages';
import { LeftToHome, type StageWorkers } from '../cluster/stage-workers';
import { AddressTaken, abortCollectives, enableCollectives, LostPeers } from '../runtime/cluster';
import {
  broadcastFrom,
  gatherMembers,
  groupInput,
  instanceOf,
  receive,
  type SumType,
  sumExactly,
  sumOverMembers,
} from '../runtime/ops/collective';
import type { CompiledStep, Program } from '../runtime/program';
import type { StateVariable } from '../runtime/state';
import { type Tensor, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { Metrics } from './evaluation/metrics';
import type { Spread } from './evaluation/shared-outputs';
import { alone, type Course, type Group } from './group';
import type { NetworkTraining } from './settings';
import { isSliceSum, type Reduction } from './sums';

/** The workers of a command, as a training sees them. */
export interface Workers extends StageWorkers {
  readonly sums: SumType;
}

const begun = new WeakSet<Member>();

/**
 * Starts TensorFlow's server for a worker that is still by itself. To be called before the process's first program, whose
 * variables would otherwise be lost.
 */
export async function becomeWorker(member: Member): Promise<void> {
  if (begun.has(member)) return;
  begun.add(member);
  tf.backend();
  for (let tries = 1; ; tries++) {
    const { task, address } = member;
    try {
      enableCollectives({ generation: byItself, members: [{ task, address }] }, task);
      return;
    } catch (error) {
      if (!(error instanceof AddressTaken) || tries === mostPorts) throw error;
      await member.otherPort();
    }
  }
}

/** A generation that the coordinator never gets to. */
const byItself = 2 ** 31 - 1;
const mostPorts = 5;

/** The parts of a training, in order. The last is home's alone. */
const phases = ['pretraining', 'training', 'finishing'] as const;
type PhaseName = Exclude<(typeof phases)[number], 'finishing'>;

export interface GroupOptions {
  readonly program: Program;
  readonly phase: PhaseName;
  /** Slices of a batch. */
  readonly slices: number;
  /** The variables whose values all must share: not a frozen teacher's, which all have read. */
  readonly isShared: (entry: StateVariable) => boolean;
  readonly images: NetworkTraining['task']['train'];
  readonly signal: AbortSignal;
  readonly tracker: NetworkTraining['tracker'];
}

/** TensorFlow's number for a lost peer. */
const unavailable = 14;

/** Home writes each metric down within a few steps, and nobody goes on without home. */
const mostPoints = 100;

interface Point {
  readonly values: Metrics;
  readonly step: number;
}

/** What workers tell each other when they meet. */
interface Told {
  readonly course: Course;
  /** The newest metrics: home may lack the last ones if it was killed. */
  readonly points: readonly Point[];
}

/**
 * Does a phase of a training in all workers: home begins it, the others come in. Where home is beyond the phase already, a
 * worker that is not home leaves it out.
 * @param work must use the given signal
 */
export async function inGroup<T>(
  workers: Workers | undefined,
  options: GroupOptions,
  work: (group: Group, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  if (!workers) return work(alone(options), options.signal);
  const { member, stage } = workers;
  const board = `phase/${stage}`;
  const isOver = (now: unknown) => phases.indexOf(now as PhaseName) > phases.indexOf(options.phase);
  if (member.isHome) member.post(board, options.phase);
  else if (isOver(await orAborted(member.read(board), options.signal))) return undefined;
  const over = new AbortController();
  if (!member.isHome) {
    member.read(board, isOver).then(
      () => over.abort(),
      () => undefined,
    );
  }
  const signal = AbortSignal.any([options.signal, over.signal]);
  const group = await joinGroup(workers, { ...options, signal });
  try {
    return await work(group, signal);
  } catch (error) {
    if (over.signal.aborted && !options.signal.aborted) return undefined;
    throw error;
  } finally {
    await group.leave();
  }
}

/** The promise's result. @throws the signal's reason when it is aborted before; the promise is then left to itself */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** After the last phase. @throws LeftToHome in a worker that is not home */
export function leaveToHome({ member, stage }: Workers): void {
  if (!member.isHome) throw new LeftToHome();
  member.post(`phase/${stage}`, 'finishing');
}

/** Enters a training's group; `leave` it at the end. */
async function joinGroup(
  { member, stage, sums }: Workers,
  { program, phase, slices: count, isShared, images, signal, tracker }: GroupOptions,
): Promise<Group & { leave(): Promise<void> }> {
  const label = `${stage}/${phase}`;
  let membership: Membership | undefined;
  /** Whether collective operations may be under way. */
  let together = false;
  const points: Point[] = [];
  // Labels of exchanges are unique in a generation.
  let exchanges = 0;
  const stopListening = member.onChange((now) => {
    if (!now || !together) return;
    together = false;
    abortCollectives('the members change');
  });
  const group = (): Int32Array => {
    if (!membership) throw new Error(`${label}: no meeting yet.`);
    return Int32Array.of(membership.members.length, membership.generation);
  };
  const place = () => {
    const members = membership?.members ?? [];
    return { index: members.findIndex(({ task }) => task === member.task), of: members.length };
  };
  const state = stateExchange(program, label, (entry) => isShared(entry) && !isSliceSum(entry));
  const gathers = new Map<number, (values: Float32Array) => Promise<Float32Array>>();

  /** An exchange that fails as a step does. */
  async function exchange(value: unknown): Promise<ReadonlyMap<number, unknown>> {
    const all = member.exchange(`${exchanges++}`, encode(value)).catch((error: unknown) => {
      if (error instanceof LostGeneration) throw new LostPeers(error.message, unavailable, { cause: error });
      throw error;
    });
    return new Map([...(await orAborted(all, signal))].map(([task, one]) => [task, decode(one)]));
  }

  async function meetOnce(course: Course): Promise<void> {
    membership = await orAborted(
      member.reform((all) => enableCollectives(all, member.task)),
      signal,
    );
    together = true;
    exchanges = 0;
    const { index, of } = place();
    if (of > count && index >= count) {
      throw new UserError(
        `${of} workers cannot share a batch of ${count} slices: at most ${count} can; --accumulate sets the number of slices`,
        1,
      );
    }
    const told: Told = { course, points: member.isHome ? [] : points };
    const all = (await exchange(told)) as ReadonlyMap<number, Told>;
    const root = furthest(all);
    await (root === member.task ? state.send : state.receive)({ group: group() });
    const { course: theirs, points: known } = all.get(root) as Told;
    if (root !== member.task) Object.assign(course, { last: undefined }, theirs);
    if (member.isHome) for (const { values, step } of known) tracker.metrics(values, step);
  }

  const reduction: Reduction<{ group: typeof groupInput }> = {
    inputs: { group: groupInput },
    values: () => ({ group: group() }),
    sum: (pairs, inputs) =>
      pairs.map((pair, i) => sumOverMembers(pair, { group: inputs.group, sums }, instanceOf(`${label}/sum/${i}`))),
    merge: (own, inputs) => sumExactly(own, inputs.group, instanceOf(`${label}/merge`)),
  };

  function gather(values: Float32Array): Promise<Float32Array> {
    const { length } = values;
    const known = gathers.get(length) ?? gatherStep(program, `${label}/gather/${length}`, length, group);
    gathers.set(length, known);
    return known(values);
  }

  const shareUnreadable: Spread['shareUnreadable'] = async ({ unreadableImages: unreadable }) => {
    if (!unreadable) return;
    const lists = await exchange(unreadable.list());
    for (const list of lists.values()) unreadable.learn(list as ReturnType<typeof unreadable.list>);
  };

  await orAborted(member.enter(label, {}), signal);
  return {
    isHome: member.isHome,
    reduction,
    slices() {
      const { index, of } = place();
      return { from: Math.floor((index * count) / of), to: Math.floor(((index + 1) * count) / of) };
    },
    spread() {
      const { index, of } = place();
      return of > 1 ? { of, index, gather, shareUnreadable } : undefined;
    },
    track(values, step) {
      if (member.isHome) tracker.metrics(values, step);
      else if (points.push({ values, step }) > mostPoints) points.shift();
    },
    requireStill() {
      if (member.changing) throw new LostPeers('The members change.', unavailable);
    },
    async meet(course) {
      for (;;) {
        signal.throwIfAborted();
        try {
          await meetOnce(course);
          return;
        } catch (error) {
          if (!(error instanceof LostPeers)) throw error;
        }
      }
    },
    async confirm() {
      await shareUnreadable(images);
      await exchange(null);
    },
    async leave() {
      together = false;
      stopListening();
      await member.leave();
    },
  };
}

/** The task of the worker that has got furthest; of several the first. */
function furthest(all: ReadonlyMap<number, Told>): number {
  const isBeyond = (one: Course['position'], other: Course['position']): boolean =>
    one.step !== other.step
      ? one.step > other.step
      : one.epoch !== other.epoch
        ? one.epoch > other.epoch
        : one.batch > other.batch;
  const [first, ...others] = [...all].sort(([one], [other]) => one - other);
  if (!first) throw new Error('Nobody is there.');
  return others.reduce(
    (best, one) => (isBeyond(one[1].course.position, best[1].course.position) ? one : best),
    first,
  )[0];
}

type GroupStep = CompiledStep<{ readonly group: typeof groupInput }, string>;

/** Steps that give the values of shared variables to all other members. */
function stateExchange(program: Program, label: string, isShared: (entry: StateVariable) => boolean) {
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

function gatherStep(program: Program, name: string, length: number, group: () => Int32Array) {
  const inputs = { values: { dtype: 'float32', shape: [length] }, group: groupInput } as const;
  const step = program.define(name, inputs, ({ values, group }) => ({
    all: gatherMembers(values, group, instanceOf(name)),
  }));
  return async (values: Float32Array): Promise<Float32Array> => (await step({ values, group: group() })).all;
}

/** JSON has no NaN and no infinity, which metrics may have. */
const encode = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one) =>
      typeof one === 'number' && !Number.isFinite(one) ? { number: String(one) } : one,
    ),
  );

const decode = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, one) =>
    typeof one === 'object' && one !== null && typeof one.number === 'string' && Object.keys(one).length === 1
      ? Number(one.number)
      : one,
  );
