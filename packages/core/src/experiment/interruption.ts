/** Milliseconds after the first signal in which another one is the same Ctrl-C: the terminal and Nx both send one. */
const sameKeyPress = 1000;

/**
 * Turns Ctrl-C, SIGTERM and the end of a parent process (with an IPC channel) into an abort signal, so that the run can
 * stop after its step and save a checkpoint. A second Ctrl-C ends the process at once.
 * `code`: the exit code for the received signal; `release` stops listening.
 */
export function interruption(log: (line: string) => void): {
  readonly signal: AbortSignal;
  readonly code: () => number;
  readonly release: () => void;
} {
  const controller = new AbortController();
  let code = 130;
  let first = 0;
  const stop = (signal: NodeJS.Signals | 'disconnect'): void => {
    if (controller.signal.aborted) {
      if (Date.now() - first > sameKeyPress) process.exit(code);
      return;
    }
    first = Date.now();
    code = signal === 'SIGTERM' || signal === 'disconnect' ? 143 : 130;
    log('Stopping after this step; Ctrl-C again stops at once.');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const orphaned = (): void => stop('disconnect');
  for (const signal of signals) process.on(signal, stop);
  if (process.connected) process.on('disconnect', orphaned);
  return {
    signal: controller.signal,
    code: () => code,
    release: () => {
      for (const signal of signals) process.off(signal, stop);
      process.off('disconnect', orphaned);
    },
  };
}
