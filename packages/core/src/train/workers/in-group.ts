/**
 * A group of workers that trains one network: each computes its share of every step's slices, the sums over all slices are
 * made in the step (runtime/ops/collective.ts), and when workers are lost or join, all go on from the state of the one that
 * is furthest. Whoever computes what leaves no trace in the result.
 */
import { LostGeneration, TrainingFinished } from '../../cluster/lost';
import type { Member } from '../../cluster/member';
import { ReplacementWanted, type StageWorkers } from '../../cluster/stage-workers';
import { tellTrained } from '../../cluster/worker-process';
import { abortCollectives, enableCollectives, inOrderOfParts, LostPeers } from '../../runtime/cluster';
import { groupInput, instanceOf, type SumType, sumExactly, sumOverMembers } from '../../runtime/ops/collective';
import type { Program } from '../../runtime/program';
import type { StateVariable } from '../../runtime/state';
import type { Membership } from '../../system/membership';
import { UserError } from '../../system/user-error';
import type { Spread } from '../evaluation/shared-outputs';
import { isSliceSum, type Reduction } from '../sums';
import { alone, ClassesDealtAnew, type Course, type Group, type Tracker } from './group';
import { keptPoints } from './kept-points';
import { sharedClasses } from './shared-classes';
import { gatherStep, stateExchange } from './state-exchange';
import { arePointsNeeded, decode, encode, furthest, type Told, worn } from './told';

export interface GroupOptions {
  readonly program: Program;
  /** Names the work, differently from all other work of the stage. */
  readonly name: string;
  /** Slices of a batch: more workers cannot share it. */
  readonly slices: number;
  readonly sums: SumType;
  /** The variables whose values all must share: not a frozen teacher's, which all have read. */
  readonly isShared: (entry: StateVariable) => boolean;
  /** Each worker holds some of the head's classes. */
  readonly sharesClasses: boolean;
  /** Nobody goes on while home is away. */
  readonly needsHome: boolean;
  /** The worker has entered the group before, and begins anew in it. */
  readonly isInside: boolean;
  readonly signal: AbortSignal;
  readonly tracker: Tracker;
}

/** TensorFlow's number for a lost peer. */
const unavailable = 14;

/**
 * Does a part of a stage in all workers: home begins it, the others come in. All come to the parts of a stage in the same
 * order, and home leaves none out, so that others need not wait for it.
 * @returns undefined in a worker that is not home, where home has done the part without it
 */
export async function inGroup<T>(
  workers: StageWorkers | undefined,
  options: GroupOptions,
  work: (group: Group) => Promise<T>,
): Promise<T | undefined> {
  if (!workers) return work(alone(options));
  const group = makeGroup(workers, options);
  let result: T | undefined;
  try {
    if (!options.isInside) await group.enter();
    result = await work(group);
  } catch (error) {
    group.silence();
    // Nobody leaves who stops, is replaced or begins anew: where home leaves, the part is over for all.
    if (!(error instanceof TrainingFinished)) throw error;
  }
  await group.leave();
  return result;
}

/** Tells the others, in home, that a part of the stage is over or not needed. */
export async function leaveOut({ member, stage }: StageWorkers, name: string): Promise<void> {
  if (!member.isHome) return;
  await member.enter(labelOf(stage, name), {});
  await member.leave();
}

const labelOf = (stage: string, name: string): string => `${stage}/${name}`;

/** The group of a part's workers: `enter` it first, and `leave` it at the end. */
function makeGroup(
  { member, stage }: StageWorkers,
  { program, name, slices: count, sums, isShared, sharesClasses, needsHome, signal, tracker }: GroupOptions,
): Group & { enter(): Promise<void>; silence(): void; leave(): Promise<void> } {
  const label = labelOf(stage, name);
  let membership: Membership | undefined;
  /** Whether collective operations may be under way. */
  let together = false;
  /** Whether this worker holds the training's state, from a meeting or from its own files. */
  let hasState = false;
  let isHomeHere = false;
  // Labels of exchanges are unique in a generation.
  let exchanges = 0;
  const stopListening = member.onChange((now) => {
    if (!now || !together) return;
    together = false;
    abortCollectives('the members change');
  });
  const silence = (): void => {
    together = false;
    stopListening();
  };
  const group = (): Int32Array => {
    if (!membership) throw new Error(`${label}: no meeting yet.`);
    return Int32Array.of(membership.members.length, membership.generation);
  };
  const place = () => {
    const members = membership ? inOrderOfParts(membership) : [];
    return { index: members.findIndex(({ task }) => task === member.task), of: members.length };
  };
  const state = stateExchange(program, label, (entry) => isShared(entry) && !isSliceSum(entry) && !entry.part);
  const gathers = new Map<number, (values: Float32Array) => Promise<Float32Array>>();

  /** An exchange that fails as a step does. */
  async function exchange(value: unknown): Promise<ReadonlyMap<number, unknown>> {
    const all = member.exchange(`${exchanges++}`, encode(value)).catch((error: unknown) => {
      if (error instanceof LostGeneration) throw new LostPeers(error.message, unavailable, { cause: error });
      throw error;
    });
    return new Map([...(await orAborted(all, signal))].map(([task, one]) => [task, decode(one)]));
  }

  const points = keptPoints({ isHome: member.isHome, task: member.task, tracker, exchange });

  async function form(): Promise<void> {
    membership = await orAborted(
      member.reform((all) => enableCollectives(all, member.task), { hasState: hasState && !needsHome }),
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
  }

  async function meetOnce(course: Course): Promise<void> {
    // With shared classes the group has formed before the networks were built.
    if (!shared) await form();
    const { isHome, formings } = member;
    const told: Told = { course, isHome, hasState, points: points.count(), formings };
    const all = (await exchange(told)) as ReadonlyMap<number, Told>;
    const root = furthest(all);
    const { course: theirs, points: kept } = all.get(root) as Told;
    const known = arePointsNeeded(all, root) ? await points.of(root, kept) : undefined;
    await (root === member.task ? state.send : state.receive)({ group: group() });
    if (root !== member.task) {
      Object.assign(course, { last: undefined }, theirs);
      if (known) points.replace(known);
    }
    hasState = true;
    isHomeHere = [...all.values()].some((one) => one.isHome);
    if (isHomeHere) await points.writeDown();
    if (worn(all) === member.task) throw new ReplacementWanted();
  }

  const reduction: Reduction<{ group: typeof groupInput }> = {
    inputs: { group: groupInput },
    values: () => ({ group: group() }),
    sum: (pairs, inputs) =>
      pairs.map((pair, i) => sumOverMembers(pair, { group: inputs.group, sums }, instanceOf(`${label}/sum/${i}`))),
    merge: (own, inputs) => sumExactly(own, inputs.group, instanceOf(`${label}/merge`)),
  };

  async function gather(values: Float32Array): Promise<Float32Array> {
    const { length } = values;
    const known = gathers.get(length) ?? gatherStep(program, `${label}/gather/${length}`, length, group);
    gathers.set(length, known);
    const all = await known(values);
    tellTrained();
    return all;
  }

  const shareUnreadable: Spread['shareUnreadable'] = async ({ unreadableImages: unreadable }) => {
    if (!unreadable) return;
    const lists = await exchange(unreadable.list());
    for (const list of lists.values()) unreadable.learn(list as ReturnType<typeof unreadable.list>);
  };

  const shared = sharesClasses
    ? sharedClasses({
        program,
        label,
        slices: count,
        isHome: member.isHome,
        signal,
        isTable: (entry) => isShared(entry) && !isSliceSum(entry),
        isChanging: () => member.changing,
        form,
        place,
        group,
        exchange,
        gather,
      })
    : undefined;
  let hasMet = false;

  return {
    enter: () => orAborted(member.enter(label, {}), signal),
    isHome: member.isHome,
    reduction,
    ...(shared && { shared }),
    slices() {
      const { index, of } = place();
      return { from: Math.floor((index * count) / of), to: Math.floor(((index + 1) * count) / of) };
    },
    spread() {
      const { index, of } = place();
      return of > 1 ? { of, index, gather, shareUnreadable } : undefined;
    },
    track(values, step) {
      points.track({ values, step }, isHomeHere);
    },
    async requireHome() {
      if (isHomeHere) return;
      await orAborted(nextChange(member), signal);
      throw new LostPeers('The members change.', unavailable);
    },
    requireStill() {
      if (member.changing) throw new LostPeers('The members change.', unavailable);
    },
    async meet(course) {
      for (;;) {
        signal.throwIfAborted();
        if (shared && hasMet) throw new ClassesDealtAnew();
        hasMet = true;
        try {
          await meetOnce(course);
          return;
        } catch (error) {
          if (!(error instanceof LostPeers)) throw error;
        }
      }
    },
    async ofHome(value) {
      const all = await exchange(member.isHome ? { value } : null);
      const given = [...all.values()].find((one) => one !== null);
      return (given as { readonly value: typeof value }).value;
    },
    async confirm(images) {
      await shareUnreadable(images);
      await exchange(null);
    },
    silence,
    async leave() {
      silence();
      await member.leave();
    },
  };
}

/** Resolves when the members change, or have to. */
const nextChange = (member: Member): Promise<void> =>
  new Promise((resolve) => {
    const changed = (): void => {
      stop();
      resolve();
    };
    const stop = member.onChange(changed);
    if (member.changing) changed();
  });

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
