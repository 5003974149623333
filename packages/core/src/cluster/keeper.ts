import type { ChildProcess } from 'node:child_process';
import {
  lastLines,
  outputFile,
  startWorker,
  type WorkerCommand,
  type WorkerEnd,
  type WorkerPlace,
} from './worker-child';
import { replacementCode } from './worker-process';

/** Milliseconds before a new process takes a dead one's place: doubles with each death in a row. */
const firstPause = 500;
const mostPause = 10_000;
const mostDeaths = 5;

/** A worker's end for good. */
export interface Verdict {
  /** Exit code for the launcher. */
  readonly code: number;
  /** Whether the others have to end as well. */
  readonly endsAll: boolean;
  /** Lines for the user. */
  readonly lines: readonly string[];
  /** Why it failed, if it said so. */
  readonly sentence?: string;
}

/** Interrupted by somebody who sent it, and not us, the signal. */
const interrupted = new Set([130, 143]);

/**
 * What to do after a worker's end: the milliseconds until a new process takes its place, or the end for good.
 * @param deaths how often in a row this worker has died without training a step, this time included
 */
export function judge(index: number, end: WorkerEnd, deaths: number): number | Verdict {
  const { code, signal, hasTrained, sentence } = end;
  const name = index === 0 ? 'The home worker' : `Worker ${index}`;
  const isHome = index === 0;
  if (code === 0) return { code, endsAll: isHome, lines: [] };
  if (code !== undefined && interrupted.has(code)) return { code, endsAll: isHome, lines: [] };
  const why = sentence === undefined ? {} : { sentence };
  // Without workers the same error would end the command.
  if (isHome && (code === 1 || code === 2)) {
    return { code, endsAll: true, lines: sentence === undefined ? [] : [sentence], ...why };
  }
  if (code === 2 || sentence !== undefined) {
    const lines = [`${name} cannot go on: ${sentence ?? 'see its output'}`];
    return { code: code ?? 1, endsAll: true, lines, ...why };
  }
  if (deaths >= mostDeaths) {
    return {
      code: 1,
      endsAll: true,
      lines: [`${name} ended ${deaths} times in a row without training a step (${signal ?? `exit code ${code}`}).`],
    };
  }
  if (code === replacementCode && hasTrained) return 0;
  return Math.min(firstPause * 2 ** Math.max(0, deaths - 1), mostPause);
}

export interface KeeperOptions extends WorkerPlace {
  readonly command: WorkerCommand;
  readonly log: (line: string) => void;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** Keeps one worker alive. */
export class Keeper {
  private child: ChildProcess | undefined;
  private pause: NodeJS.Timeout | undefined;
  private deaths = 0;
  private isStopping = false;
  private verdict: Verdict | undefined;

  constructor(private readonly options: KeeperOptions) {
    this.start();
  }

  get isOver(): boolean {
    return this.verdict !== undefined;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Sends a signal; after it no new process takes the worker's place. */
  stop(signal: NodeJS.Signals): void {
    this.isStopping = true;
    clearTimeout(this.pause);
    if (this.child) this.child.kill(signal);
    else this.end({ code: signal === 'SIGINT' ? 130 : 143, endsAll: false, lines: [] });
  }

  /** For a process that is frozen: a new one takes its place. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private start(): void {
    this.child = startWorker(this.options, this.options.command, (end) => this.ended(end));
  }

  private ended(end: WorkerEnd): void {
    this.child = undefined;
    const { index, folder, log, isShown } = this.options;
    if (this.isStopping) {
      const signals: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };
      this.end({ code: end.code ?? (end.signal && signals[end.signal]) ?? 1, endsAll: false, lines: [] });
      return;
    }
    this.deaths = end.hasTrained ? 1 : this.deaths + 1;
    const next = judge(index, end, this.deaths);
    if (typeof next !== 'number') {
      const isKnown = next.code === 0 || isShown || end.sentence !== undefined;
      const ofOutput = isKnown ? [] : lastLines(folder, index);
      const rest = ofOutput.length > 0 ? [`The end of ${outputFile(folder, index)}:`, ...ofOutput] : [];
      this.end({ ...next, lines: next.lines.length > 0 ? [...next.lines, ...rest] : [] });
      return;
    }
    if (end.code !== replacementCode) {
      log(
        `${index === 0 ? 'The home worker' : `Worker ${index}`} ended (${end.signal ?? `exit code ${end.code}`}); a new process takes its place.`,
      );
    }
    this.pause = setTimeout(() => this.start(), next);
  }

  private end(verdict: Verdict): void {
    if (this.verdict) return;
    this.verdict = verdict;
    this.options.onVerdict(verdict);
  }
}
