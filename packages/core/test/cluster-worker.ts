/**
 * A worker process without TensorFlow, for tests of the cluster: `cluster-worker.ts '{"steps":50}'`. Its state is a sum
 * that every step adds to. A step's values come from six slices, which the members share, so that the sum is the same
 * whatever the members are. Prints JSON lines.
 */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { readAddress } from '../src/cluster/addresses';
import { joinCluster } from '../src/cluster/join';
import { LostGeneration, RunFinished } from '../src/cluster/lost';
import { tellFailed, tellTrained } from '../src/cluster/worker-process';
import type { Membership } from '../src/system/membership';

export interface FakeWorkerSettings {
  readonly steps: number;
  /** Goes on until this file exists, whatever `steps` says. */
  readonly endsWhen?: string;
  /** Milliseconds of a step. */
  readonly pause?: number;
  readonly parts?: Readonly<Record<string, string>>;
  /** Leaves after this step. */
  readonly leaveAfter?: number;
  /** Blocks the main thread for so many milliseconds at step 3. */
  readonly block?: number;
  /** The same while it connects. */
  readonly blockAtStart?: number;
  /** How often `enable` says that the port is taken. */
  readonly takenPorts?: number;
  /** The worker with this index ends like this: at birth, or after a step. */
  readonly fails?: {
    readonly index: number;
    readonly after?: number;
    readonly code?: number;
    readonly signal?: NodeJS.Signals;
    readonly sentence?: string;
    /** Only as long as this file does not exist, which the failure makes. */
    readonly once?: string;
  };
}

interface State {
  step: number;
  sum: number;
}

const slices = 6;
const pauseOf = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

function blockFor(milliseconds: number): void {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
}

/** A slice's part of a step. */
const sliceValue = (step: number, slice: number): number =>
  createHash('sha256').update(`${step} ${slice}`).digest().readUInt16LE();

/** The state that undisturbed workers come to. */
export function expectedSum(steps: number): number {
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    for (let slice = 0; slice < slices; slice++) sum = (sum * 31 + sliceValue(step, slice)) % 1_000_003;
  }
  return sum;
}

const say = (line: object): void => console.log(JSON.stringify(line));

const { HEADSHARE_WORKER_INDEX: index = '0' } = process.env;
let stopCode: number | undefined;

async function fail({ fails }: FakeWorkerSettings, step: number): Promise<void> {
  if (!fails || String(fails.index) !== index || (fails.after ?? 0) !== step) return;
  if (fails.once) {
    if (existsSync(fails.once)) return;
    writeFileSync(fails.once, '');
  }
  console.error(`worker ${index} fails`);
  if (fails.sentence) tellFailed(fails.sentence);
  if (fails.signal) process.kill(process.pid, fails.signal);
  await pauseOf(50);
  process.exit(fails.code);
}

async function work(settings: FakeWorkerSettings): Promise<void> {
  const { steps, pause = 5, parts = { data: 'a' }, leaveAfter } = settings;
  await fail(settings, 0);
  const joining = joinCluster({
    coordinator: readAddress(process.env.HEADSHARE_WORKER ?? '', 'HEADSHARE_WORKER'),
    token: process.env.HEADSHARE_CLUSTER_TOKEN ?? '',
    isHome: index === '0',
    threads: 1,
    patience: Number(process.env.PATIENCE ?? 10),
  });
  blockFor(settings.blockAtStart ?? 0);
  const member = await joining;
  const { task } = member;
  say({ type: 'joined', task, address: member.address, pid: process.pid });
  member.onChange((now) => say({ type: 'change', now }));
  let takenPorts = settings.takenPorts ?? 0;
  const enable = ({ generation, members }: Membership): void => {
    if (takenPorts-- > 0) throw new Error('Could not start gRPC server');
    if (!members.some((one) => one.task === task)) throw new Error('the membership lacks this worker');
    say({ type: 'enable', generation, members: members.map((one) => one.task), address: member.address });
  };
  let state: State = { step: 0, sum: 0 };
  await member.enter('training', parts);
  let membership: Membership | undefined;
  const lastStep = (): number => Number(settings.endsWhen ? (member.peek('end') ?? Number.POSITIVE_INFINITY) : steps);
  while (state.step < lastStep()) {
    try {
      if (member.changing || !membership) {
        membership = await member.reform(enable, { hasState: state.step > 0 });
        const states = [...(await member.exchange('sync', state)).values()] as State[];
        const furthest = Math.max(...states.map(({ step }) => step));
        state = { ...(states.find(({ step }) => step === furthest) as State) };
        say({ type: 'formed', generation: membership.generation, step: state.step });
      }
      const { members } = membership;
      const rank = members.findIndex((one) => one.task === task);
      const mine = Array.from({ length: slices }, (_, slice) => slice)
        .filter((slice) => slice % members.length === rank)
        .map((slice) => [slice, sliceValue(state.step, slice)] as const);
      if (settings.block && state.step === 3) blockFor(settings.block);
      await pauseOf(pause);
      // Everybody hears of it before the step's values.
      if (member.isHome && member.peek('end') === undefined && existsSync(settings.endsWhen ?? '')) {
        member.post('end', state.step + 1);
      }
      const all = [...(await member.exchange(`step ${state.step}`, mine)).values()] as (typeof mine)[];
      const values = new Map(all.flat());
      if (values.size !== slices) throw new Error(`${values.size} slices`);
      for (let slice = 0; slice < slices; slice++) {
        state.sum = (state.sum * 31 + (values.get(slice) as number)) % 1_000_003;
      }
      state.step++;
      say({ type: 'step', step: state.step, members: members.length });
      tellTrained();
      await fail(settings, state.step);
      if (state.step === leaveAfter || stopCode !== undefined) break;
    } catch (error) {
      if (!(error instanceof LostGeneration)) throw error;
      membership = undefined;
    }
  }
  await member.leave();
  if (stopCode !== undefined) {
    await member.close();
    say({ type: 'stopped', step: state.step });
    process.exit(stopCode);
  }
  if (member.isHome) member.post('sum', state.sum);
  say({ type: 'done', ...state, board: leaveAfter ? undefined : await member.read('sum') });
  await member.close();
}

if (require.main === module) {
  process.on('SIGINT', () => {
    stopCode = 130;
  });
  process.on('SIGTERM', () => {
    stopCode = 143;
  });
  process.on('disconnect', () => process.exit(143));
  const end = (code: number): void => {
    process.stdout.write('', () => process.exit(code));
  };
  work(JSON.parse(process.argv[2] ?? '{}')).then(
    () => end(0),
    (error) => {
      if (error instanceof RunFinished) {
        end(0);
        return;
      }
      say({ type: 'failed', name: error.name, message: error.message });
      if (error.name === 'UserError') tellFailed(error.message);
      end(1);
    },
  );
}
