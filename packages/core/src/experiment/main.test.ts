import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { main } from './main';

const environment = { ...process.env };
afterEach(() => {
  process.env = environment;
});

test('a command without a usable MLflow server warns once and says once, in its last line, how to send its runs', async () => {
  const { root, folder } = temporaryPackage(teacherAndStudent);
  process.env = { ...environment, MLFLOW_TRACKING_URI: 'databricks' };
  const lines: string[] = [];
  try {
    expect(await main([join(folder, 'experiments/student.ts')], (line) => lines.push(line))).toBe(0);
  } finally {
    rmSync(root, { recursive: true });
  }
  const problem = 'MLFLOW_TRACKING_URI: "databricks" is not an http or https address';
  expect(lines.filter((line) => line.includes(problem))).toEqual([
    `MLflow: ${problem}. The run continues, and its journal keeps everything.`,
    `Not everything is in MLflow yet: ${problem}. \`npx nx run tools:sync\` sends the rest later.`,
  ]);
  expect(lines.at(-1)).toContain('tools:sync');
  expect(lines.filter((line) => / starts in /.test(line))).toHaveLength(2);
});

test("a command prints the profile's values that the command line does not override", async () => {
  const { root, folder } = temporaryPackage(teacherAndStudent);
  process.env = { ...environment, MLFLOW_TRACKING_URI: 'databricks' };
  const lines: string[] = [];
  try {
    await main([join(folder, 'experiments/student.ts'), '--profile=smoke', '--epochs=3'], (line) => lines.push(line));
  } finally {
    rmSync(root, { recursive: true });
  }
  expect(lines.slice(0, 2)).toEqual([
    'demo:student, profile smoke: Train the student',
    'Values of the profile: --teacher-epochs=2',
  ]);
});
