/** Shows the progress of long work: redraws one line on a terminal, otherwise prints plain lines at intervals. */

export interface ProgressUpdate {
  readonly done: number;
  readonly total: number;
  /** The unit of `done`, `total` and the rate, e.g. `images`. */
  readonly unit: string;
  readonly text?: string;
}

export interface Progress {
  update(update: ProgressUpdate): void;
  /** Removes the redrawn line; call it before printing anything else. */
  clear(): void;
}

/** `59s`, `2m05s`, `1h30m`. */
export const duration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
};

/**
 * @param label starts every line, e.g. `student`
 * @param everySeconds the interval of plain lines, if `stream` is not a terminal
 */
export function makeProgress(
  label: string,
  { stream = process.stdout, everySeconds = 10 }: { stream?: NodeJS.WriteStream; everySeconds?: number } = {},
): Progress {
  let first: { readonly done: number; readonly at: number } | undefined;
  let last = performance.now();
  let lineShown = false;
  return {
    update({ done, total, unit, text = '' }) {
      // The rate excludes everything before the first update: a resumed run's past, the first step's compilation.
      const now = performance.now();
      first ??= { done, at: now };
      if (now - last < (stream.isTTY ? 100 : everySeconds * 1000)) return;
      last = now;
      const rate = now > first.at ? ((done - first.done) * 1000) / (now - first.at) : 0;
      const left = rate > 0 ? `, ${duration((total - done) / rate)} left` : '';
      const line = `${label}: ${Math.floor((100 * done) / total)} %, ${Math.round(rate)} ${unit}/s${left}${text ? `, ${text}` : ''}`;
      if (stream.isTTY) {
        stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
        lineShown = true;
      } else {
        stream.write(`${line}\n`);
      }
    },
    clear() {
      if (lineShown) stream.write('\r\x1b[2K');
      lineShown = false;
    },
  };
}
