/** A sweep on two machines that share nothing but an MLflow server: real processes, and a real server. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverOfTests } from '../../../test/mlflow-server';
import { temporaryPackage } from '../../../test/temporary-package';

const core = join(__dirname, '../../..');
const server = serverOfTests();
const machines: string[] = [];
afterAll(() => {
  for (const root of machines) rmSync(root, { recursive: true, force: true });
});

const experiments = `import { integer } from '${core}/src/experiment/option';
import { distillationExperiments } from '${core}/src/recipes/distillation-experiments';
import { tinyTask } from '${core}/test/tiny-training';
export const experiments = distillationExperiments({
  label: 'tiny model',
  dataOptions: { images: integer({ default: 12, min: 1, help: 'to train on' }) },
  profiles: { default: { batchSize: 4, epochs: 1, teacherEpochs: 1, student: 'resnet8', studentWidth: 0.25 } },
  taskOf: ({ images }) => tinyTask(images),
  imageSize: () => 16,
  methodDefaults: {},
  columns: [{ title: 'top-1', metric: 'top1', digits: 3 }],
  chartMetrics: ['top1'],
  notes: () => [],
});`;
const files = {
  student: 'student',
  teacher: 'teacher',
  'teacher-student-head': 'teacherStudentHead',
  'distill-student-head': 'distillStudentHead',
  distill: 'distill',
  compare: 'compare',
  sweep: 'sweep',
};

/** A workspace with the package, and nothing else. */
function machine() {
  const { root, folder } = temporaryPackage({});
  machines.push(root);
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src/experiments.ts'), experiments);
  for (const [name, exported] of Object.entries(files)) {
    const source = `import { experiments } from '../src/experiments';\nexport default experiments.${exported};\n`;
    writeFileSync(join(folder, 'experiments', `${name}.ts`), source);
  }
  const run = (name: string, ...options: readonly string[]) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const main = ['-r', join(core, 'register.cjs'), join(core, 'src/experiment/main.ts')];
      const env = { ...process.env, MLFLOW_TRACKING_URI: server.uri, MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING: 'false' };
      const file = join(folder, 'experiments', `${name}.ts`);
      execFile(process.execPath, [...main, file, ...options], { env, cwd: core }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      );
    });
  return { root, run };
}

const reportOf = (root: string, experiment: string): string => {
  const runs = join(root, 'runs/demo', experiment);
  return readFileSync(join(runs, readdirSync(runs).at(-1) ?? '', 'summary.csv'), 'utf8');
};
const found = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? '';

test('two machines each train their shard, and a third makes the table of the whole sweep', async () => {
  const sweep = ['--experiment=student', '--seeds=2', '--jobs=1'];
  const [first, second, third] = [machine(), machine(), machine()];
  const parts = [
    await first.run('sweep', ...sweep, '--shard=1/2'),
    await second.run('sweep', ...sweep, '--shard=2/2', '--retry=0'),
  ];
  for (const [i, { code, output }] of parts.entries()) {
    expect([code, output]).toEqual([
      0,
      expect.stringContaining(`Shard ${i + 1}/2: 1 of 2 trainings, of seed ${i + 1}`),
    ]);
  }
  expect([first, second].map(({ root }) => readdirSync(join(root, 'runs/demo/student')).length)).toEqual([1, 1]);

  // The ids of the parent runs, which each has its own, and the command that every shard prints.
  const ids = parts.map(({ output }) => found(output, /^MLflow: \S+\/runs\/([0-9a-f]{32})/m));
  const commands = parts.map(({ output }) => found(output, /^npx nx run demo:compare (--runs=\S+)$/m));
  expect(new Set(ids).size).toBe(2);
  expect(commands[0]).toBe(commands[1]);
  const keys = found(commands[0] ?? '', /=(.*)/).split(',');
  // One by its id, the other by its key.
  const compared = await third.run('compare', `--runs=${ids[0]},${keys[1]}`);
  expect([compared.code, compared.output]).toEqual([0, expect.stringContaining('over 2 seeds')]);
  const table = reportOf(third.root, 'compare');

  // With both trainings in one folder, the command without --shard makes it too.
  cpSync(join(second.root, 'runs/demo/student'), join(first.root, 'runs/demo/student'), { recursive: true });
  rmSync(join(first.root, 'runs/demo/sweep'), { recursive: true });
  const whole = await first.run('sweep', ...sweep);
  expect([whole.code, reportOf(first.root, 'sweep')]).toEqual([0, table]);
}, 300_000);
