/** Timing, and measurements in other processes. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const workspace = resolve(__dirname, '../../..');

/**
 * Runs a program in the workspace.
 * @param options variables beside this process's own; a signal that kills the program
 * @returns the JSON of the last line that it prints
 */
export async function measuredBy<M>(
  command: string,
  args: readonly string[],
  { environment, signal }: { readonly environment?: NodeJS.ProcessEnv; readonly signal?: AbortSignal } = {},
): Promise<M> {
  const env = { ...process.env, ...environment };
  const { stdout } = await run(command, [...args], { cwd: workspace, maxBuffer: 2 ** 26, env, signal });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as M;
}

/** Calls a function that a file exports in another process, with an argument that JSON can represent. */
export function inOwnProcess<F extends (asked: never) => unknown>(
  file: string,
  name: string,
  asked: Parameters<F>[0],
): Promise<Awaited<ReturnType<F>>> {
  const child = ['-r', './packages/core/register.cjs', join(__dirname, 'child.ts')];
  return measuredBy(process.execPath, [...child, file, name, JSON.stringify(asked)]);
}

/** Measures all ways in turn, round by round, so that other load on the machine affects all of them alike. */
export async function inRounds<W, M>(
  ways: readonly W[],
  rounds: number,
  label: string,
  measure: (way: W, round: number) => Promise<M>,
): Promise<Map<W, M[]>> {
  const measured = new Map<W, M[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [way, all] of measured) {
      process.stderr.write(`${label}round ${round + 1}/${rounds}: ${way}\n`);
      all.push(await measure(way, round));
    }
  }
  return measured;
}

/** Calls `step` `times` times, one after the other. @returns the seconds that each call took */
export async function secondsOf(step: () => Promise<unknown>, times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await step();
    seconds.push((performance.now() - started) / 1000);
  }
  return seconds;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The process's largest resident size so far. */
export const peakMegabytes = (): number => process.resourceUsage().maxRSS / 1024;
