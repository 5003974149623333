/** What one process measured of one way to run one case. */
export interface Measurement {
  readonly imagesPerSecondMedian: number;
  readonly imagesPerSecondBest: number;
  /** Seconds of the first step, with whatever is prepared in it (recording, compiling, choosing kernels). */
  readonly firstSeconds: number;
  /** The process's largest resident size. */
  readonly peakMegabytes: number;
  /**
   * Compiled only: seconds that a call takes whose function does nothing, with the same inputs and as many outputs: what
   * calling, inputs and reading metrics cost beside the step.
   */
  readonly emptyCallSeconds?: number;
}

/** The first calls prepare; those after them are counted. */
const uncounted = 4;

/** Calls `step` so many times, one after the other: what each took. */
export async function secondsOf(step: () => Promise<unknown>, times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await step();
    seconds.push((performance.now() - started) / 1000);
  }
  return seconds;
}

/** Measures `step` over so many calls with `batch` images each. */
export async function measure(step: () => Promise<unknown>, steps: number, batch: number): Promise<Measurement> {
  const seconds = await secondsOf(step, steps);
  const counted = seconds.slice(uncounted).sort((a, b) => a - b);
  return {
    imagesPerSecondMedian: batch / median(counted),
    imagesPerSecondBest: batch / (counted[0] ?? Number.NaN),
    firstSeconds: seconds[0] ?? Number.NaN,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
