/** Starts processes of cluster-child.ts and finds ports for them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ClusterMember, Membership } from '../src/system/membership';

export interface Failure {
  readonly kind: string;
  readonly message: string;
  readonly code?: number;
  readonly lost: boolean;
}

export class ClusterProcess {
  readonly process: ChildProcess;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Failure): void }>();
  private asked = 0;
  readonly ready: Promise<unknown>;
  errors = '';

  constructor(
    readonly member: ClusterMember,
    environment: NodeJS.ProcessEnv = {},
  ) {
    const words = ['-r', join(__dirname, '../register.cjs'), join(__dirname, 'cluster-child.ts')];
    this.process = spawn(process.execPath, words, { env: { ...process.env, HEADSHARE_THREADS: '1', ...environment } });
    this.process.stderr?.on('data', (text) => {
      this.errors += text;
    });
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [number, { result, error }] = JSON.parse(line) as [number, { result?: unknown; error?: Failure }];
      const next = this.waiting.get(number);
      this.waiting.delete(number);
      if (error) next?.reject(error);
      else next?.resolve(result);
    });
    this.process.on('exit', (_, signal) => {
      const error = { kind: 'Exit', message: `It ended: ${signal} ${this.errors}`, lost: false };
      for (const next of this.waiting.values()) next.reject(error);
    });
    this.ready = this.answer(0);
  }

  /** Sends a command of cluster-child.ts; resolves with its result, rejects with a Failure. */
  ask<T = unknown>(command: string, ...args: readonly unknown[]): Promise<T> {
    const number = ++this.asked;
    this.process.stdin?.write(`${JSON.stringify([number, command, ...args])}\n`);
    return this.answer(number) as Promise<T>;
  }

  enable(generation: number, processes: readonly ClusterProcess[]): Promise<unknown> {
    const membership: Membership = { generation, members: processes.map(({ member }) => member) };
    return this.ask('enable', membership, this.member.task);
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await ended;
  }

  private answer(number: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.waiting.set(number, { resolve, reject }));
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Processes ready for commands. @param tasks theirs, ascending; default: 0 to count - 1 */
export async function startProcesses(count: number, tasks?: readonly number[]): Promise<ClusterProcess[]> {
  const processes: ClusterProcess[] = [];
  for (let i = 0; i < count; i++) {
    processes.push(new ClusterProcess({ task: tasks?.[i] ?? i, address: `127.0.0.1:${await freePort()}` }));
  }
  await Promise.all(processes.map(({ ready }) => ready));
  return processes;
}
