import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemMetricsSettings, watchSystem } from './system-metrics';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'system-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** The first `count` values that a run in the folder is told. */
async function firstTold(count: number, lastStep?: number): Promise<readonly Told[]> {
  const told: Told[] = [];
  await new Promise<void>((done) => {
    const metrics = (values: Told['values'], step: number): void => {
      if (told.push({ step, values }) === count) done();
    };
    const { stop } = watchSystem(
      folder,
      { metrics, lastStep: () => lastStep },
      { interval: 0.02, samples: 1, gpu: false },
    );
    const alive = setInterval(() => {
      if (told.length < count) return;
      clearInterval(alive);
      stop();
    }, 10);
  });
  return told;
}

test('values by names that MLflow puts on its page of system metrics, with steps of their own', async () => {
  const told = await firstTold(3);
  expect(told.slice(0, 3).map(({ step }) => step)).toEqual([1, 2, 3]);
  for (const { values } of told) {
    expect(Object.keys(values)).toEqual(expect.arrayContaining(['system/process_memory_usage_megabytes']));
    for (const [name, value] of Object.entries(values)) {
      expect(name).toMatch(/^system\/\w+$/);
      expect(value).toBe(Math.round(10 * value) / 10);
    }
  }
});

test('a run that goes on counts on from its last value', async () => {
  const [first] = await firstTold(1, 7);
  expect(first?.step).toBe(8);
});

test('it does not keep a process alive, and after stop nothing more is told', () => {
  const told: Told[] = [];
  const system = watchSystem(
    folder,
    { metrics: (values, step) => told.push({ values, step }), lastStep: () => undefined },
    { interval: 600, samples: 1, gpu: false },
  );
  system.stop();
  expect(told).toEqual([]);
});

describe("MLflow's variables", () => {
  const settings = (environment: NodeJS.ProcessEnv) => {
    const lines: string[] = [];
    return { settings: systemMetricsSettings(environment, (line) => lines.push(line)), lines };
  };

  test.each([
    [{}, { interval: 10, samples: 1, gpu: false }],
    [
      { MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING: 'true', TF_DEVICE: 'gpu' },
      { interval: 10, samples: 1, gpu: true },
    ],
    [{ MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING: 'False' }, undefined],
    [{ MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING: '0' }, undefined],
    [
      { MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL: '0.5', MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING: '6' },
      { interval: 0.5, samples: 6, gpu: false },
    ],
  ])('%j', (environment, expected) => {
    expect(settings(environment)).toEqual({ settings: expected, lines: [] });
  });

  test.each([
    [
      { MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL: '-1' },
      "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL must be a number of seconds above 0, a day at most, got '-1': 10 is taken.",
    ],
    [
      { MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING: '1.5' },
      "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING must be a whole number of at least 1, got '1.5': 1 is taken.",
    ],
  ])('of no sense: %j', (environment, sentence) => {
    expect(settings(environment)).toEqual({ settings: { interval: 10, samples: 1, gpu: false }, lines: [sentence] });
  });
});
