/** What a run's machine was doing meanwhile, by MLflow's names (`system/cpu_utilization_percentage` ...). */
import { watchGpus } from './gpu-metrics';
import { type Sample, systemSampler } from './system-sample';

export interface SystemMetricsSettings {
  /** Seconds between two looks. */
  readonly interval: number;
  /** How many looks one value is the mean of. */
  readonly samples: number;
  readonly gpu: boolean;
}

/**
 * What MLflow's variables say: MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL (10 s), MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING
 * (1), and undefined with MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false. A value of no sense is told and left alone: a run is
 * worth more than what is said about its machine.
 */
export function systemMetricsSettings(
  environment: NodeJS.ProcessEnv,
  log: (sentence: string) => void,
): SystemMetricsSettings | undefined {
  if (/^(false|0)$/i.test(environment.MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING ?? '')) return undefined;
  const read = (name: string, byDefault: number, isValid: (value: number) => boolean, valid: string): number => {
    const text = environment[name];
    if (text === undefined || text === '') return byDefault;
    if (isValid(Number(text))) return Number(text);
    log(`${name} must be ${valid}, got '${text}': ${byDefault} is taken.`);
    return byDefault;
  };
  return {
    interval: read(
      'MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL',
      10,
      (value) => value > 0 && value <= longestInterval,
      'a number of seconds above 0, a day at most',
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

/** Timers count milliseconds in 32 bits. */
const longestInterval = 86_400;

export interface SystemMetrics {
  /** Tells what was looked at since the last value, and looks no more. */
  stop(): void;
}

/**
 * Looks at the machine every so often, while the run whose folder and tracker these are goes on, and tells the means of
 * the looks, rounded as MLflow does to tenths. Steps count the values, on from those of an earlier part of the run.
 * Nothing of it keeps the process alive or throws.
 */
export function watchSystem(
  folder: string,
  tracker: { metrics(values: Sample, step: number): void; lastStep(name: string): number | undefined },
  { interval, samples, gpu }: SystemMetricsSettings,
): SystemMetrics {
  const sample = systemSampler(folder);
  const looks = new Map<string, number[]>();
  const note = (values: Sample): void => {
    for (const [name, value] of Object.entries(values)) looks.set(name, [...(looks.get(name) ?? []), value]);
  };
  const gpus = gpu ? watchGpus(interval, note) : undefined;
  let step = tracker.lastStep('system/process_memory_usage_megabytes') ?? 0;
  let taken = 0;
  let last = performance.now();
  const tell = (): void => {
    if (taken === 0) return;
    tracker.metrics(aggregate(looks), ++step);
    looks.clear();
    taken = 0;
  };
  const look = (): void => {
    try {
      note(sample());
    } catch {
      // The next look may tell more; training goes on.
    }
    taken += 1;
    last = performance.now();
  };
  const timer = setInterval(() => {
    look();
    if (taken >= samples) tell();
  }, interval * 1000).unref();
  return {
    stop() {
      clearInterval(timer);
      gpus?.stop();
      // So that a run shorter than the interval has a value as well.
      if (performance.now() - last >= 1000) look();
      tell();
    },
  };
}

/** Means; traffic has been added up already. */
function aggregate(looks: ReadonlyMap<string, readonly number[]>): Sample {
  return Object.fromEntries(
    [...looks].map(([name, values]) => {
      const value = name.startsWith('network_')
        ? values.at(-1)
        : values.reduce((sum, one) => sum + one, 0) / values.length;
      return [`system/${name}`, Math.round(10 * (value ?? 0)) / 10];
    }),
  );
}
