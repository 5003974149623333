import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { parseGpuLine, watchGpus } from './gpu-metrics';

test("parses a line of nvidia-smi into MLflow's metrics, in megabytes (10^6 bytes) and per cent", () => {
  expect(parseGpuLine('0, 20480, 81920, 97, 350.25, 700.50')).toEqual({
    gpu_0_memory_usage_percentage: 25,
    gpu_0_memory_usage_megabytes: 21474.83648,
    gpu_0_utilization_percentage: 97,
    gpu_0_power_usage_watts: 350.25,
    gpu_0_power_usage_percentage: 50,
  });
});

test.each([
  [
    'a card without a power sensor',
    '1, 512, 1024, 3, [N/A], [N/A]',
    ['memory_usage_percentage', 'memory_usage_megabytes', 'utilization_percentage'],
  ],
  [
    'an old card',
    '1, 512, 1024, [Not Supported], 20.1, [Not Supported]',
    ['memory_usage_percentage', 'memory_usage_megabytes', 'power_usage_watts'],
  ],
  ['a MIG partition', '1, [N/A], [N/A], [N/A], 71.98, 400.00', ['power_usage_watts', 'power_usage_percentage']],
  ['an unknown error', '1, [Unknown Error], 1024, [GPU is lost], [N/A], [N/A]', []],
])('%s: leaves out missing values', (_, line, names) => {
  expect(Object.keys(parseGpuLine(line))).toEqual(names.map((name) => `gpu_1_${name}`));
});

test.each([
  '',
  'No devices were found',
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
  '0, 1, 2',
  'index, memory.used [MiB], memory.total [MiB], utilization.gpu [%], power.draw [W], enforced.power.limit [W]',
])('ignores the line %j', (line) => {
  expect(parseGpuLine(line)).toEqual({});
});

test('values are finite numbers for any output', () => {
  const word = fc.oneof(fc.string(), fc.double().map(String), fc.constantFrom('0', '[N/A]', 'inf', '1e999', ' 12 '));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      for (const [name, value] of Object.entries(parseGpuLine(words.join(',')))) {
        expect(name).toMatch(/^gpu_\d+_\w+$/);
        expect(Number.isFinite(value)).toBe(true);
      }
    }),
  );
});

describe('watchGpus', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gpus-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A replacement for nvidia-smi. */
  function program(text: string): string {
    const file = join(folder, 'nvidia-smi');
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  test('reports every line, and ends when it is stopped', async () => {
    const pidFile = join(folder, 'pid');
    const command = program(
      `echo $$ > '${pidFile}'; echo "$@" > '${folder}/words'; printf '0, 1, 2, 3, 4, 5\\n1, 1, '; sleep 0.1; printf '4, 3, 4, 5\\n'; exec sleep 600`,
    );
    const samples: Record<string, number>[] = [];
    await new Promise<void>((done) => {
      const watch = watchGpus(
        2.5,
        (metrics) => {
          if (samples.push(metrics) < 2) return;
          watch.stop();
          done();
        },
        command,
      );
    });
    expect(samples.map((metrics) => Object.entries(metrics)[0])).toEqual([
      ['gpu_0_memory_usage_percentage', 50],
      ['gpu_1_memory_usage_percentage', 25],
    ]);
    expect(readFileSync(join(folder, 'words'), 'utf8').trim()).toBe(
      '--query-gpu=index,memory.used,memory.total,utilization.gpu,power.draw,enforced.power.limit --format=csv,noheader,nounits -lms 2500',
    );
    const pid = Number(readFileSync(pidFile, 'utf8'));
    while (isAlive(pid)) await sleep(20);
  });

  test.each([
    ['is missing', () => join(folder, 'nothing')],
    ['finds no driver', () => program('echo "NVIDIA-SMI has failed"; exit 9')],
  ])('reports nothing if nvidia-smi %s', async (_, command) => {
    const samples: string[] = [];
    const watch = watchGpus(1, (metrics) => samples.push(...Object.keys(metrics)), command());
    await sleep(300);
    watch.stop();
    expect(samples).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
