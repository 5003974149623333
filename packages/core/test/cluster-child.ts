/**
 * A process for cluster.test.ts that runs the commands of its standard input, one JSON array a line: a number, the name of a
 * function of `commands`, and its arguments. It answers each with a line of JSON, [number of the command, { result } or { error }].
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { abortCollectives, enableCollectives, LostPeers, protectServer } from '../src/runtime/cluster';
import * as collective from '../src/runtime/ops/collective';
import { Program } from '../src/runtime/program';
import { State } from '../src/runtime/state';
import { type Tensor1D, type Tensor2D, tf } from '../src/runtime/tensorflow';
import type { Membership } from '../src/system/membership';

const { groupInput, instanceOf } = collective;
const size = 1000;
const inputs = { group: groupInput, x: { dtype: 'float32', shape: [size] } } as const;
const instances = { sum: 1, float: 2, half: 3, max: 4, table: 5, gather: 6, parts: 7, state: 8 };
const instance = (name: keyof typeof instances) => instanceOf(`cluster-child/${name}`);

let generation = 0;
let members = 0;
let recordings = 0;
let made: ReturnType<typeof steps> | undefined;

function steps() {
  const state = new State();
  const w = state.declare('w', 'trainable', [size], new Float32Array(size));
  const table = state.declare('table', 'slot', [4, 2], new Float32Array(8));
  const program = new Program(state);
  return {
    state,
    program,
    /** Adds everybody's x to w, twice: the second sum depends on the first. */
    train: program.define('train', inputs, ({ group, x }) => {
      recordings++;
      const lo = tf.mul(x, 2 ** -26);
      const sum = collective.sumOverMembers({ hi: x, lo }, { group, sums: 'exact' }, instance('sum'));
      const float = collective.sumOverMembers({ hi: sum, lo }, { group, sums: 'float32' }, instance('float'));
      const half = collective.sumOverMembers({ hi: x, lo }, { group, sums: 'bfloat16' }, instance('half'));
      w.assign(tf.add(w, float) as Tensor1D);
      return { sum, float, half };
    }),
    others: program.define('others', inputs, ({ group, x }) => ({
      max: collective.maxOverMembers(x, group, instance('max')),
      table: collective.sumExactly(x, group, instance('table')),
      gather: collective.gatherMembers(tf.reshape(tf.slice(x, 0, 4), [2, 2]), group, instance('gather')),
    })),
    pairs: program.define('pairs', inputs, ({ group, x }) => {
      const both = collective.gatherMembers(tf.reshape(tf.slice(x, 0, 4), [2, 2]), group, instance('gather'), 2);
      return {
        parts: collective.exchangeParts(tf.slice(x, 0, 4), group, instance('parts'), 2),
        product: tf.matMul(both as Tensor2D, both as Tensor2D, false, true),
      };
    }),
    send: program.define('send', { group: groupInput }, ({ group }) => ({
      w: collective.broadcastFrom(w, group, instance('state')),
    })),
    receive: program.define('receive', { group: groupInput }, ({ group }) => {
      const received = collective.receive([size], group, instance('state'));
      w.assign(received as Tensor1D);
      table.assign(tf.reshape(tf.slice(received, 0, 8), [4, 2]));
      return { w: received };
    }),
  };
}

/** The local addresses, in /proc/net/tcp's hexadecimal, of the listening sockets of this process. */
function tcpListeners(): string[] {
  const own = new Set(
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const rows = ['tcp', 'tcp6'].flatMap((kind) => readFileSync(`/proc/self/net/${kind}`, 'utf8').split('\n').slice(1));
  return rows.flatMap((row) => {
    const words = row.trim().split(/\s+/);
    return words[3] === '0A' && own.has(words[9] ?? '') ? [words[1] as string] : [];
  });
}

const commands = {
  enable(membership: Membership, task: number) {
    enableCollectives(membership, task);
    ({ generation } = membership);
    members = membership.members.length;
    made ??= steps();
  },
  /** Runs a step on x[i] = scale * (i + 1); returns the first eight values of its outputs. */
  async run(name: 'train' | 'others' | 'pairs' | 'send' | 'receive', scale: number) {
    const step = made?.[name] as (values: object) => Promise<Record<string, Float32Array>>;
    const x = Float32Array.from({ length: size }, (_, i) => scale * (i + 1));
    const group = Int32Array.of(members, generation);
    const results = await step(name === 'send' || name === 'receive' ? { group } : { group, x });
    return Object.fromEntries(Object.entries(results).map(([key, value]) => [key, [...value.slice(0, 8)]]));
  },
  async shardedHead(head: string, index: number) {
    const { shardedHead } = await import('./sharded-head');
    return shardedHead(head, { index, of: members }, generation);
  },
  protect: protectServer,
  listening: () => tcpListeners(),
  abort: (why: string) => abortCollectives(why),
  recordings: () => recordings,
  digest() {
    made?.program.pull();
    const hash = createHash('sha256');
    for (const { values } of made?.state.values().values() ?? []) hash.update(new Uint8Array(values.buffer));
    return hash.digest('hex');
  },
  async programFirst() {
    const state = new State();
    const one = state.declare('one', 'trainable', [], Float32Array.of(1));
    const program = new Program(state);
    await program.define('step', { x: { dtype: 'float32', shape: [] } }, ({ x }) => ({ y: tf.add(x, one) }))({ x: 1 });
  },
  /** Threads, megabytes of memory, open files. */
  usage() {
    const status = readFileSync('/proc/self/status', 'utf8');
    const threads = Number(/Threads:\s+(\d+)/.exec(status)?.[1]);
    return {
      threads,
      megabytes: Math.round(process.memoryUsage.rss() / 2 ** 20),
      files: readdirSync('/proc/self/fd').length,
    };
  },
  handles: () => tf.memory().numTensors,
};

async function answer(line: string): Promise<void> {
  const [number, name, ...args] = JSON.parse(line) as [number, keyof typeof commands, ...unknown[]];
  const say = (what: object) => console.log(JSON.stringify([number, what]));
  try {
    const run = commands[name] as (...args: readonly unknown[]) => unknown;
    say({ result: (await run(...args)) ?? null });
  } catch (error) {
    const { name: kind, message, code } = error as LostPeers;
    say({ error: { kind, message, code, lost: error instanceof LostPeers } });
  }
}

tf.backend();
console.log(JSON.stringify([0, { result: 'ready' }]));
createInterface({ input: process.stdin }).on('line', answer);
