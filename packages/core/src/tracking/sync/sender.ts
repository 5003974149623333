import { type Destination, problemOf } from './destination';
import { replayJournal } from './journal-sync';
import { refusals } from './sync-state';

/** Sends a journal while it is being written. */
export interface Sender {
  /**
   * Tries to send everything that the journal holds now, for at most `patience` milliseconds, and ends the sending.
   * A server that is still starting is given `startPatience` milliseconds to do so: a short run ends before it is up.
   * `problem`: a sentence about what kept it from that. `refused`: what the server would not take, a sentence each.
   */
  finish(
    patience: number,
    startPatience?: number,
  ): Promise<{ address?: string; problem?: string; refused: readonly string[] }>;
}

export interface SenderOptions {
  /** Milliseconds between two looks at the journal: fewer and larger requests take less of a training's time. */
  interval?: number;
  /** The same until the server knows the run: people look for it. */
  firstInterval?: number;
  /** The longest pause between two attempts while the server fails. */
  longestPause?: number;
}

/**
 * Starts to send `journal` in the background. The first failure is told to `warn`, once; attempts go on with longer
 * and longer pauses, and whatever remains stays in the journal.
 */
export function startSender(
  journal: string,
  destination: Destination,
  warn: (sentence: string) => void,
  { interval = 5000, firstInterval = 500, longestPause = 30_000 }: SenderOptions = {},
): Sender {
  const replay = replayJournal(journal, destination);
  const aborted = new AbortController();
  let problem: string | undefined;
  let warned = false;
  let pause = interval;
  let timer: NodeJS.Timeout | undefined;
  let finishing = false;
  let current = Promise.resolve();

  const pass = async (): Promise<void> => {
    try {
      await replay.pass(aborted.signal);
      problem = undefined;
      pause = interval;
    } catch (error) {
      if (aborted.signal.aborted) return;
      problem = problemOf(error);
      if (!warned && !finishing) warn(problem);
      warned = true;
      pause = Math.min(2 * pause, longestPause);
    }
  };
  const run = (): void => {
    current = pass().then(() => {
      // The process may end with an attempt pending: the journal is the record.
      const isKnown = problem !== undefined || replay.sent() !== undefined;
      if (!finishing) timer = setTimeout(run, isKnown ? pause : firstInterval).unref();
    });
  };
  run();

  return {
    finish: async (patience, startPatience = 0) => {
      finishing = true;
      clearTimeout(timer);
      const stop = (): void => aborted.abort();
      let late = setTimeout(() => {
        if (replay.connected()) stop();
        else late = setTimeout(stop, startPatience);
      }, patience);
      // What is under way began before the last events were written.
      await current;
      if (!aborted.signal.aborted) await pass();
      clearTimeout(late);
      if (aborted.signal.aborted) problem ??= 'MLflow took too long';
      return { address: replay.address(), problem, refused: refusals(replay.sent()) };
    },
  };
}
