import { type Destination, problemOf } from './destination';
import { journalSync } from './journal-sync';
import { refusals } from './sync-state';

/** Sends a journal in the background while it is being written. */
export interface Sender {
  /**
   * Tries to send everything in the journal for at most `patience` milliseconds, then stops. A server that is still
   * starting gets `startPatience` more: a short run ends before it is up.
   * @returns `address`: the run's page; `problem`: why not everything was sent; `refused`: a sentence for each item
   * that the server refused
   */
  finish(
    patience: number,
    startPatience?: number,
  ): Promise<{ address?: string | undefined; problem?: string | undefined; refused: readonly string[] }>;
}

export interface SenderOptions {
  /** Milliseconds between attempts: fewer and larger requests cost training less time. */
  interval?: number;
  /** The interval until the server has the run, which users look for. */
  firstInterval?: number;
  /** The longest interval while the server fails. */
  longestPause?: number;
}

/**
 * Starts sending `journal`. Reports the first failure to `warn` and continues at growing intervals; the journal keeps
 * everything that is not sent.
 */
export function startSender(
  journal: string,
  destination: Destination,
  warn: (sentence: string) => void,
  { interval = 5000, firstInterval = 500, longestPause = 30_000 }: SenderOptions = {},
): Sender {
  const sync = journalSync(journal, destination);
  const aborted = new AbortController();
  let problem: string | undefined;
  let warned = false;
  let pause = interval;
  let timer: NodeJS.Timeout | undefined;
  let finishing = false;
  let current = Promise.resolve();

  const send = async (): Promise<void> => {
    try {
      await sync.send(aborted.signal);
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
    current = send().then(() => {
      const isKnown = problem !== undefined || sync.state() !== undefined;
      // Unreferenced: the journal suffices, so the process may end before the next attempt.
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
        if (sync.isConnected()) stop();
        else late = setTimeout(stop, startPatience);
      }, patience);
      // The attempt under way may have begun before the last events were written.
      await current;
      if (!aborted.signal.aborted) await send();
      clearTimeout(late);
      if (aborted.signal.aborted) problem ??= 'MLflow took too long';
      const state = sync.state();
      return { address: state?.address, problem, refused: refusals(state) };
    },
  };
}
