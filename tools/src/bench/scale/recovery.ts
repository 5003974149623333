/** How long a training stands still when a worker is killed, and when another one joins. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { addressText } from '@headshare/core/cluster/addresses';
import { type Coordinator, startCoordinator } from '@headshare/core/cluster/coordinator';
import { randomToken, tokenVariable } from '@headshare/core/cluster/secret';
import { indexVariable, workerVariable } from '@headshare/core/cluster/worker-process';
import { serverProtection } from '@headshare/core/runtime/native-addon';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { UserError } from '@headshare/core/system/user-error';
import { print } from '../command-line';
import { median } from '../measurement';
import { nodeCommand, workspace } from './processes';
import type { Setup, StepLine } from './training/child';

export interface RecoveryResult {
  readonly part: 'recovery';
  readonly workers: number;
  readonly event: 'undisturbed' | 'killed' | 'home killed' | 'joined';
  /** From the kill, or from the new process's start, to the end of the others' next step in the new membership. */
  readonly seconds: number;
  readonly secondsBest: number;
  /** For how long no step ended. */
  readonly pauseSeconds: number;
}

const images = 48;
const slices = 6;
/** Steps between two events. */
const quietSteps = 8;

export async function measureRecovery(workers: number, rounds: number): Promise<readonly RecoveryResult[]> {
  const folder = makeProcessFolder('headshare-bench-scale-');
  const token = randomToken();
  const coordinator = await startCoordinator({
    listen: { host: '127.0.0.1', port: 0 },
    token,
    expected: workers,
    minWorkers: 1,
    patience: 120,
    log: () => undefined,
  });
  const training = new Training(coordinator, token, folder);
  try {
    process.stderr.write(`starting: ${workers} workers of a training\n`);
    for (let index = 0; index < workers; index++) training.spawn(index);
    await training.steps(quietSteps);
    const kills: Event[] = [];
    const homeKills: Event[] = [];
    const joins: Event[] = [];
    const usual: number[] = [];
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`recovery, round ${round + 1}/${rounds}: kills of a worker and of home, and new workers\n`);
      usual.push(...training.intervals(quietSteps - 2));
      kills.push(await training.event(() => training.kill(workers - 1)));
      await training.steps(quietSteps);
      joins.push(await training.event(() => training.spawn(workers - 1)));
      await training.steps(quietSteps);
      homeKills.push(await training.event(() => training.kill(0)));
      await training.steps(quietSteps);
      await training.event(() => training.spawn(0));
      await training.steps(quietSteps);
    }
    const result = (event: RecoveryResult['event'], all: readonly Event[]): RecoveryResult => ({
      part: 'recovery',
      workers,
      event,
      seconds: median(all.map(({ seconds }) => seconds)),
      secondsBest: Math.min(...all.map(({ seconds }) => seconds)),
      pauseSeconds: median(all.map(({ pauseSeconds }) => pauseSeconds)),
    });
    const undisturbed = usual.map((seconds) => ({ seconds, pauseSeconds: seconds }));
    return [
      result('undisturbed', undisturbed),
      result('killed', kills),
      result('home killed', homeKills),
      result('joined', joins),
    ];
  } finally {
    await training.end();
    await coordinator.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Event {
  readonly seconds: number;
  readonly pauseSeconds: number;
}

/** Tells of the steps. It is not home, and nobody kills it, so that it also sees home's loss. */
const observer = 1;

/** A training of several processes, as the observer tells of it. */
class Training {
  private readonly lines: StepLine[] = [];
  private readonly children = new Map<number, ChildProcess>();
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  constructor(
    private readonly coordinator: Coordinator,
    private readonly token: string,
    private readonly folder: string,
  ) {}

  spawn(index: number): void {
    const setup: Setup = { folder: join(this.folder, `${index}`), batchSize: images, slices };
    const { command, args, environment } = nodeCommand(join(__dirname, 'training/child.ts'), setup, {
      HEADSHARE_THREADS: '1',
      [workerVariable]: addressText(this.coordinator.address),
      [tokenVariable]: this.token,
      [indexVariable]: `${index}`,
      ...serverProtection(),
    });
    const child = spawn(command, [...args], {
      cwd: workspace,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.children.set(index, child);
    let printed = '';
    child.stderr?.on('data', (text) => {
      printed = (printed + text).slice(-10_000);
    });
    child.once('close', () => {
      if (this.children.get(index) !== child) return;
      this.failure = new UserError(`Worker ${index} ended: ${printed.trim().split('\n').at(-1)}`, 1);
      this.wake();
    });
    if (index !== observer) {
      child.stdout?.resume();
      return;
    }
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      // Besides the training's progress.
      if (!line.startsWith('{')) return;
      this.lines.push(JSON.parse(line));
      this.wake();
    });
  }

  kill(index: number): void {
    const child = this.children.get(index);
    this.children.delete(index);
    child?.kill('SIGKILL');
  }

  async steps(more: number): Promise<void> {
    const aim = this.lines.length + more;
    await this.until(() => this.lines.length >= aim);
  }

  /** Seconds between the last steps. */
  intervals(count: number): readonly number[] {
    const last = this.lines.slice(-count - 1);
    return last.slice(1).map(({ at }, i) => (at - (last[i] as StepLine).at) / 1000);
  }

  /** Waits for the first step with other members than before. */
  async event(disturb: () => void): Promise<Event> {
    const before = this.lines.at(-1)?.formings ?? 0;
    const isAfter = ({ formings }: StepLine) => formings > before;
    const began = Date.now();
    disturb();
    await this.until(() => this.lines.some(isAfter));
    const first = this.lines.findIndex(isAfter);
    const [last, next] = this.lines.slice(first - 1, first + 1) as [StepLine, StepLine];
    return { seconds: (next.at - began) / 1000, pauseSeconds: (next.at - last.at) / 1000 };
  }

  async end(): Promise<void> {
    const ended = [...this.children].map(async ([index, child]) => {
      const closed = new Promise((resolve) => child.once('close', resolve));
      this.kill(index);
      if (child.exitCode === null && child.signalCode === null) await closed;
    });
    await Promise.all(ended);
  }

  private async until(check: () => boolean): Promise<void> {
    while (!check()) {
      if (this.failure) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

export function printRecovery(results: readonly RecoveryResult[]): void {
  const titles = {
    undisturbed: 'an undisturbed step',
    killed: 'a worker is killed: until the next step of the others',
    'home killed': 'home is killed: the same',
    joined: 'a worker starts: until its first step with the others',
  } as const;
  print(
    false,
    results,
    [
      [`ce, ${images} images, ${slices} slices, ${results[0]?.workers} workers`, ({ event }) => titles[event]],
      ['ms, median', ({ seconds }) => 1000 * seconds, 0],
      ['best', ({ secondsBest }) => 1000 * secondsBest, 0],
      ['ms without a step', ({ pauseSeconds }) => 1000 * pauseSeconds, 0],
    ],
    [''],
  );
}
