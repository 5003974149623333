/**
 * TensorFlow's server, over which the collective operations of compiled steps (ops/collective.ts) reach the other processes
 * of a training. Measured with TensorFlow 2.21: enabling again, with other members, keeps variables and functions and takes
 * 0.2 to 12 ms; it also ends an abort. Variables that were made before the first enabling are lost to it.
 */

import { isIP } from 'node:net';
import type { ClusterMember, Membership } from '../system/membership';
import { wantedThreads } from '../system/threads';
import { UserError } from '../system/user-error';
import { backend } from './binding';
import { integer, message, text } from './compile/protobuf';

/** TensorFlow's numbers for errors (TF_Code in tensorflow/c/tf_status.h), as far as used here. */
const Code = { cancelled: 1, unknown: 2, deadlineExceeded: 4, aborted: 10, unavailable: 14 } as const;

const losses: ReadonlySet<number> = new Set([Code.cancelled, Code.deadlineExceeded, Code.aborted, Code.unavailable]);

/** Whether an error with TensorFlow's number `code` says that another process is lost, or that the step was aborted. */
export const isLoss = (code: number): boolean => losses.has(code);

/**
 * A compiled step's collective operations failed, because another process is lost or `abortCollectives` was called. The
 * state has the values that it had before the step.
 */
export class LostPeers extends Error {
  override readonly name = 'LostPeers';

  constructor(
    message: string,
    /** TensorFlow's number for the error. */
    readonly code: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** TensorFlow's server cannot listen on its port; another one may be free. */
export class AddressTaken extends UserError {
  constructor(readonly address: string) {
    super(`TensorFlow's server cannot listen on ${address}: another program has the port. Give another port.`, 1);
  }
}

/**
 * Makes this process's server listen on `address` only, and accept connections from itself and from the members only; to
 * be called before the server starts, and again for other members. The server has neither passwords nor encryption, and
 * otherwise listens on all addresses of the machine. `enableCollectives` does so, too.
 * @param address the server's IP:port
 * @param members IP:port of each member; ports do not count
 * @returns whether the protection is in force: it needs Linux, and `serverProtection` (native-addon.ts) in the process's
 * environment at its start
 */
export function protectServer(address: string, members: readonly string[]): boolean {
  const { host, port } = parsed(address);
  return backend().binding.protectServer(
    host,
    port,
    members.map((member) => parsed(member).host),
  );
}

/**
 * Starts this process's server, or gives it other members. All members must do so with the same membership, and none while
 * another one may still run a collective operation of an older generation.
 * @param task this process's; it and its address stay the same for life
 * @throws Error when the membership is wrong, or a program ran before the first call, whose variables would be lost;
 * AddressTaken when the port is taken
 */
export function enableCollectives(membership: Membership, task: number): void {
  const own = memberOf(membership, task);
  const { binding } = backend();
  const started = binding.clusterMember;
  const member = `task ${task} at ${own.address}`;
  if (started === undefined && binding.madeVariables) {
    throw new Error('enableCollectives must come before the first program: its variables would be lost.');
  }
  if (started !== undefined && started !== member) {
    throw new Error(`This process is ${started} for life, and cannot become ${member}.`);
  }
  protectServer(
    own.address,
    membership.members.map(({ address }) => address),
  );
  try {
    binding.enableCollectiveOps(serverDef(membership, task));
  } catch (error) {
    // The addon's errors belong to another realm under jest.
    const { message: reason = '' } = error as Partial<Error>;
    if (reason.includes('Could not start gRPC server')) throw new AddressTaken(own.address);
    throw error;
  }
  binding.clusterMember = member;
  binding.aborted = undefined;
}

/**
 * The members in TensorFlow's order, in which gathers and exchanges have their parts: by the text of the task's number, so
 * that 10 comes before 9.
 */
export const inOrderOfParts = ({ members }: Membership): readonly ClusterMember[] =>
  members.toSorted((one, other) => (String(one.task) < String(other.task) ? -1 : 1));

/** Makes the collective operations that run, and those that start before the next enabling, fail with LostPeers. */
export function abortCollectives(why: string): void {
  const { binding } = backend();
  if (binding.clusterMember === undefined) return;
  binding.aborted = why;
  binding.abortCollectiveOps(Code.unavailable, why);
}

/**
 * @param name a step that waits for other processes
 * @throws LostPeers after an abort: TensorFlow would say the same, but is not asked, since its threads must come to rest
 */
export function requireNoAbort(name: string): void {
  const { aborted } = backend().binding;
  if (aborted !== undefined) throw new LostPeers(`${name} was aborted: ${aborted}`, Code.unavailable);
}

function parsed(address: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(address) ?? [];
  const host = bracketed ?? plain ?? '';
  if (isIP(host) === 0) throw new Error(`The address of a member must be IP:port, got '${address}'.`);
  return { host, port: Number(port) };
}

function memberOf({ generation, members }: Membership, task: number): ClusterMember {
  const tasks = members.map((member) => member.task);
  const wrong = tasks.find((one, i) => !Number.isInteger(one) || one < 0 || one <= (tasks[i - 1] ?? -1));
  if (wrong !== undefined) throw new Error(`The tasks of a membership must be ascending whole numbers, got ${tasks}.`);
  if (!Number.isInteger(generation) || generation < 1 || generation >= 2 ** 31) {
    throw new Error(`A generation must be a whole number in [1, 2^31), got ${generation}.`);
  }
  const own = members.find((member) => member.task === task);
  if (!own) throw new Error(`The membership has the tasks ${tasks.join(', ')} but not this process's, ${task}.`);
  return own;
}

const job = 'worker';

/** A serialised ServerDef (tensorflow/core/protobuf/{tensorflow_server,cluster,config}.proto). */
function serverDef({ members }: Membership, task: number): Uint8Array {
  const tasks = members.flatMap((member) => message(2, [...integer(1, member.task), ...text(2, member.address)]));
  const threads = wantedThreads();
  const config = [
    ...(threads === undefined ? [] : integer(2, threads)), // intra_op_parallelism_threads
    ...integer(5, Number(process.env.TF_NUM_INTEROP_THREADS ?? 1)), // inter_op_parallelism_threads
    ...message(16, text(1, `/job:${job}/replica:0/task:${members[0]?.task}`)), // experimental.collective_group_leader
  ];
  return Buffer.concat([
    ...message(1, message(1, [...text(1, job), ...tasks])),
    ...text(2, job),
    ...integer(3, task),
    ...message(4, config),
    ...text(5, 'grpc'),
  ]);
}
