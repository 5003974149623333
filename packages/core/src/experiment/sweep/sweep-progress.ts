import { duration } from '../../system/progress';
import type { ScheduleState } from './schedule';

/** What a person sees of a sweep: a line for what begins or ends; on a terminal, one below that renews itself. */
export interface SweepProgress {
  change(line: string, state: ScheduleState): void;
  say(line: string): void;
  /** Removes the line that renews itself. */
  end(): void;
}

/** @param before how much was done before it began */
export function sweepProgress(
  log: (line: string) => void,
  before: number,
  stream: NodeJS.WriteStream = process.stdout,
): SweepProgress {
  const began = performance.now();
  const clear = (): void => {
    if (stream.isTTY) stream.write('\r\x1b[2K');
  };
  const say = (line: string): void => {
    clear();
    log(line);
  };
  return {
    say,
    change(line, state) {
      const status = statusOf(state, before, (performance.now() - began) / 1000);
      if (!stream.isTTY) return log(`${line} [${status}]`);
      say(line);
      stream.write(status.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
    },
    end: clear,
  };
}

/** `7 of 25 done, 2 running, 1 failed, about 12m00s left`; the rate so far is taken to hold. */
function statusOf({ total, done, failed, running }: ScheduleState, before: number, seconds: number): string {
  const remaining = total - done - failed - running.length / 2;
  const left = done > 0 ? `, about ${duration((seconds / done) * Math.max(0, remaining))} left` : '';
  const wrong = failed > 0 ? `, ${failed} failed` : '';
  return `${before + done} of ${before + total} done, ${running.length} running${wrong}${left}`;
}
