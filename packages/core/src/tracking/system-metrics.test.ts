import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEvent } from './event-line';
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
async function firstTold(count: number, samples = 1): Promise<readonly Told[]> {
  const told: Told[] = [];
  await new Promise<void>((done) => {
    const metrics = (values: Told['values'], step: number): void => {
      if (told.push({ step, values }) === count) done();
    };
    const { stop } = watchSystem(folder, { metrics }, { interval: 0.02, samples, gpu: false });
    const alive = setInterval(() => {
      if (told.length < count) return;
      clearInterval(alive);
      stop();
    }, 10);
  });
  return told;
}

const journal = (step: number, ...names: string[]): void =>
  appendFileSync(
    join(folder, 'journal.jsonl'),
    `${encodeEvent({ time: 1, type: 'metrics', step, values: Object.fromEntries(names.map((name) => [name, 1])) })}\n`,
  );

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

test('a run that goes on counts on from its journal, however much else has been told since', async () => {
  journal(6, 'system/cpu_utilization_percentage');
  journal(7, 'system/cpu_utilization_percentage', 'system/disk_usage_megabytes');
  for (let step = 1; step <= 6000; step++) journal(step, 'step/loss', 'step/learning_rate');
  appendFileSync(join(folder, 'journal.jsonl'), '{"time":1,"type":"metrics","step":9,"values":{"system/');
  const [first] = await firstTold(1);
  expect(first?.step).toBe(8);
}, 60_000);

test('a journal without them, even of one long line, begins at 1', async () => {
  writeFileSync(join(folder, 'journal.jsonl'), 'x'.repeat(600_000));
  expect((await firstTold(1))[0]?.step).toBe(1);
});

test('it does not keep a process alive, and after stop nothing more is told', () => {
  const told: Told[] = [];
  const system = watchSystem(
    folder,
    { metrics: (values, step) => told.push({ values, step }) },
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
