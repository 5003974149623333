import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTracking } from '@headshare/core/tracking/start-tracking';
import { median } from '../measurement';

export interface StepsCase {
  /** Address of the MLflow server. */
  readonly uri: string;
  /** Folder of the journals. */
  readonly folder: string;
  /** Metrics a step. */
  readonly metrics: number;
  /** Duration of a step without tracking. */
  readonly milliseconds: number;
  /** Steps a measurement. */
  readonly steps: number;
  /** Counted measurements with and without tracking, in turn, after one of each that is not counted. */
  readonly rounds: number;
}

export interface StepsMeasurement {
  /** Microseconds that a step waits for `tracker.metrics`. */
  readonly waitMedian: number;
  readonly wait99: number;
  /** Time for the journal and for sending, until all is sent, over the duration of the steps: by round, and the median. */
  readonly processShare: number;
  readonly processShares: readonly number[];
  readonly threadShare: number;
  readonly threadShares: readonly number[];
}

/**
 * Measures the cost of tracking for steps that leave the JavaScript thread idle, as TensorFlow's do: `processShare` in
 * CPU time of all threads, `threadShare` in time in which the JavaScript thread is busy. Starting a run is not counted.
 */
export async function measureSteps({ metrics, rounds, ...rest }: StepsCase): Promise<StepsMeasurement> {
  const names = Array.from({ length: metrics }, (_, i) => `step/layer_${i}.gradient_norm`);
  const waits: number[] = [];
  const processShares: number[] = [];
  const threadShares: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const without = await steps({ ...rest, names, name: `${round}`, tracked: false });
    const tracked = await steps({ ...rest, names, name: `${round}`, tracked: true });
    if (round === 0) continue;
    const whole = rest.steps * rest.milliseconds;
    waits.push(...tracked.waits);
    processShares.push((tracked.cpu - without.cpu) / whole);
    threadShares.push((tracked.active - without.active) / whole);
  }
  waits.sort((a, b) => a - b);
  return {
    waitMedian: median(waits),
    wait99: waits[Math.floor(waits.length * 0.99)] ?? Number.NaN,
    processShare: median(processShares),
    processShares,
    threadShare: median(threadShares),
    threadShares,
  };
}

interface Steps extends Omit<StepsCase, 'metrics' | 'rounds'> {
  readonly names: readonly string[];
  readonly name: string;
  readonly tracked: boolean;
}

/** @returns milliseconds of CPU time and of the thread's activity, and microseconds of every call of `tracker.metrics` */
async function steps({ uri, folder, names, name, tracked, steps: count, milliseconds }: Steps) {
  const tracker = tracked
    ? await startTracking({
        package: 'bench',
        experiment: 'tracking',
        runName: name,
        folder: join(folder, name),
        trackingUri: uri,
      })
    : undefined;
  const waits: number[] = [];
  const cpuBefore = process.cpuUsage();
  const loopBefore = performance.eventLoopUtilization();
  for (let step = 0; step < count; step++) {
    await sleep(milliseconds);
    const values: Record<string, number> = {};
    for (const metric of names) values[metric] = Math.random();
    const started = performance.now();
    tracker?.metrics(values, step);
    waits.push((performance.now() - started) * 1000);
  }
  const ended = await tracker?.finish('FINISHED');
  const problem = ended?.unsent ?? ended?.note;
  if (problem) throw new Error(problem);
  const { user, system } = process.cpuUsage(cpuBefore);
  const { active } = performance.eventLoopUtilization(loopBefore);
  return { cpu: (user + system) / 1000, active, waits };
}
