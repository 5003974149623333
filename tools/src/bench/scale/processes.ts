/** Processes that stay, and measure when they are asked: one JSON object a line on standard input, one on standard output. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { UserError } from '@headshare/core/system/user-error';

export const workspace = resolve(__dirname, '../../../..');

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

export interface Processes {
  /** Gives all processes a question at the same time. @returns their answers, in their order */
  ask<A>(question: unknown): Promise<readonly A[]>;
  /** Ends them. */
  end(): Promise<void>;
}

/**
 * Starts processes; each prints a line when it is ready.
 * @throws UserError with the last line that a process printed, if one ends early
 */
export async function startProcesses(commands: readonly Command[]): Promise<Processes> {
  const all = commands.map(startProcess);
  const end = async (): Promise<void> => void (await Promise.all(all.map((one) => one.end())));
  try {
    await Promise.all(all.map(({ answer }) => answer()));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    ask: <A>(question: unknown) => {
      for (const { say } of all) say(question);
      return Promise.all(all.map(({ answer }) => answer() as Promise<A>));
    },
    end,
  };
}

/** A process of this workspace that runs a TypeScript file. */
export const nodeCommand = (file: string, argument: unknown, environment: NodeJS.ProcessEnv): Command => ({
  command: process.execPath,
  args: ['-r', './packages/core/register.cjs', file, JSON.stringify(argument)],
  environment,
});

function startProcess({ command, args, environment }: Command) {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(command, [...args], {
    cwd: workspace,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let printed = '';
  child.stderr.on('data', (text) => {
    printed = (printed + text).slice(-10_000);
  });
  const ended = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => done(lastLine(printed) ?? `${command} ended with ${signal ?? code}`));
  });
  // A process that has ended takes no more questions; `answer` says why.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function answer(): Promise<unknown> {
    const { value, done } = await lines.next();
    if (done) throw new UserError(await ended, 1);
    return JSON.parse(value);
  }

  return {
    answer,
    say: (question: unknown) => child.stdin.write(`${JSON.stringify(question)}\n`),
    async end(): Promise<void> {
      child.stdin.end();
      const slow = setTimeout(() => child.kill('SIGKILL'), 2000);
      await ended;
      clearTimeout(slow);
    },
  };
}

const lastLine = (printed: string): string | undefined => printed.split('\n').findLast((line) => line.trim() !== '');
