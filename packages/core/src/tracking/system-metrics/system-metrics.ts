/** The load of a run's machine, under MLflow's names (`system/cpu_utilization_percentage` ...). */
import { decimal } from '../../system/decimal';
import type { Tracker } from '../tracker';
import { watchGpus } from './gpu-metrics';
import { type Sample, systemSampler } from './system-sample';

export interface SystemMetricsSettings {
  /** Seconds between two samples. */
  readonly interval: number;
  /** Samples per logged value, which is their mean. */
  readonly samples: number;
  readonly gpu: boolean;
}

/** Timers count milliseconds in 32 bits; a day is well within. */
const longestInterval = 86_400;

/**
 * Reads MLflow's variables MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL (default 10 s) and
 * MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING (default 1); undefined with MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false.
 * Logs an invalid value and uses the default: a run should not fail for its system metrics.
 */
export function systemMetricsSettings(
  environment: NodeJS.ProcessEnv,
  log: (sentence: string) => void,
): SystemMetricsSettings | undefined {
  if (/^(false|0)$/i.test(environment.MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING ?? '')) return undefined;
  const read = (name: string, byDefault: number, isValid: (value: number) => boolean, valid: string): number => {
    const text = environment[name];
    if (text === undefined || text === '') return byDefault;
    const value = decimal(text.trim());
    if (value !== undefined && isValid(value)) return value;
    log(`${name} must be ${valid}, got '${text}': using ${byDefault}.`);
    return byDefault;
  };
  return {
    interval: read(
      'MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL',
      10,
      (value) => value > 0 && value <= longestInterval,
      'a number of seconds above 0, at most a day',
    ),
    samples: read(
      'MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING',
      1,
      (value) => Number.isSafeInteger(value) && value >= 1,
      'a whole number of at least 1',
    ),
    gpu: environment.TF_DEVICE === 'gpu',
  };
}

/**
 * Samples the machine periodically and logs the means, rounded to tenths as by MLflow, until `stop` is called. Steps
 * count the values and continue after a resume. Never throws; does not keep the process alive.
 * @param folder the run's folder, whose disk is sampled
 */
export function watchSystem(
  folder: string,
  tracker: Pick<Tracker, 'metrics' | 'lastStep'>,
  { interval, samples, gpu }: SystemMetricsSettings,
): { stop(): void } {
  const sample = systemSampler(folder);
  const collected = new Map<string, number[]>();
  const collect = (values: Sample): void => {
    for (const [name, value] of Object.entries(values)) collected.set(name, [...(collected.get(name) ?? []), value]);
  };
  const gpus = gpu ? watchGpus(interval, collect) : undefined;
  let step = tracker.lastStep('system/process_memory_usage_megabytes') ?? 0;
  let taken = 0;
  let last = performance.now();
  const log = (): void => {
    if (taken === 0) return;
    tracker.metrics(aggregate(collected), ++step);
    collected.clear();
    taken = 0;
  };
  const take = (): void => {
    try {
      collect(sample());
    } catch {
      // The next sample may succeed.
    }
    taken += 1;
    last = performance.now();
  };
  const timer = setInterval(() => {
    take();
    if (taken >= samples) log();
  }, interval * 1000).unref();
  return {
    stop() {
      clearInterval(timer);
      gpus?.stop();
      // Gives a run shorter than the interval a value, too.
      if (performance.now() - last >= 1000) take();
      log();
    },
  };
}

/** The means; for network traffic, which is cumulative, the last values. */
function aggregate(collected: ReadonlyMap<string, readonly number[]>): Sample {
  return Object.fromEntries(
    [...collected].map(([name, values]) => {
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      const value = name.startsWith('network_') ? values.at(-1) : mean;
      return [`system/${name}`, Math.round(10 * (value ?? 0)) / 10];
    }),
  );
}
