import { duration } from '../../system/progress';
import type { ScheduleState } from './schedule';

/**
 * Prints a line for each start and end of a training, and on a terminal a status line below, which `end` removes.
 * @param before the number of trainings that were done before the sweep
 */
export function sweepProgress(log: (line: string) => void, before: number) {
  const stream = process.stdout;
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
    change(line: string, state: ScheduleState): void {
      const status = statusOf(state, before, (performance.now() - began) / 1000);
      say(stream.isTTY ? line : `${line} [${status}]`);
      if (stream.isTTY) stream.write(status.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
    },
    end: clear,
  };
}

/** `7 of 25 done, 2 running, 1 failed, about 12m00s left` at the rate so far. */
function statusOf({ total, done, failed, running }: ScheduleState, before: number, seconds: number): string {
  const remaining = total - done - failed - running.length / 2;
  const left = done > 0 ? `, about ${duration((seconds / done) * Math.max(0, remaining))} left` : '';
  const wrong = failed > 0 ? `, ${failed} failed` : '';
  return `${before + done} of ${before + total} done, ${running.length} running${wrong}${left}`;
}
