import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemMetricsSettings, watchSystem } from './system-metrics';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'system-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Logged {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Watches the system until `count` samples are logged, and returns all samples. */
async function firstLogged(count: number, lastStep?: number): Promise<readonly Logged[]> {
  const logged: Logged[] = [];
  await new Promise<void>((done) => {
    const metrics = (values: Logged['values'], step: number): void => {
      if (logged.push({ step, values }) === count) done();
    };
    const { stop } = watchSystem(
      folder,
      { metrics, lastStep: () => lastStep },
      { interval: 0.02, samples: 1, gpu: false },
    );
    const alive = setInterval(() => {
      if (logged.length < count) return;
      clearInterval(alive);
      stop();
    }, 10);
  });
  return logged;
}

test("logs values under the names that MLflow's system metrics page shows, at steps 1, 2, 3", async () => {
  const logged = await firstLogged(3);
  expect(logged.slice(0, 3).map(({ step }) => step)).toEqual([1, 2, 3]);
  for (const { values } of logged) {
    expect(Object.keys(values)).toEqual(expect.arrayContaining(['system/process_memory_usage_megabytes']));
    for (const [name, value] of Object.entries(values)) {
      expect(name).toMatch(/^system\/\w+$/);
      expect(value).toBe(Math.round(10 * value) / 10);
    }
  }
});

test('a resumed run continues at its last step', async () => {
  const [first] = await firstLogged(1, 7);
  expect(first?.step).toBe(8);
});

test('a watch does not keep the process alive, and logs nothing after stop', () => {
  const logged: Logged[] = [];
  const system = watchSystem(
    folder,
    { metrics: (values, step) => logged.push({ values, step }), lastStep: () => undefined },
    { interval: 600, samples: 1, gpu: false },
  );
  system.stop();
  expect(logged).toEqual([]);
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
      "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL must be a number of seconds above 0, at most a day, got '-1': using 10.",
    ],
    [
      { MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING: '1.5' },
      "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING must be a whole number of at least 1, got '1.5': using 1.",
    ],
  ])('an invalid value is logged and replaced by the default: %j', (environment, sentence) => {
    expect(settings(environment)).toEqual({ settings: { interval: 10, samples: 1, gpu: false }, lines: [sentence] });
  });
});
