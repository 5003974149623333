import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryPackage } from '../../test/temporary-package';

const experiment = `export default defineExperiment({
  summary: 'Print much',
  options: { seed: integer({ default: 1, min: 0, help: 'of all randomness' }) },
  run: async ({ log, options: { seed } }) => {
    for (let i = 0; i < 30; i++) {
      log('line ' + i + '.'.repeat(8000));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return { metrics: { seed }, summary: 'printed' };
  },
});`;

const { root, folder } = temporaryPackage({ train: experiment });
afterAll(() => rmSync(root, { recursive: true }));

const linux = process.platform === 'linux' ? test : test.skip;

linux.each([
  [1, '> /dev/full'],
  [2, '> /dev/full 2>&1'],
  [3, '| head -n 1'],
  [4, '2>&1 | true'],
  [5, '>&-'],
])('a run %d whose output fails (%s) has its result and exit code 0', (seed, redirection) => {
  // Also without the preload, which every command has.
  const register = seed % 2 === 0 ? '@swc-node/register' : join(__dirname, '../../register.cjs');
  const words = ['-r', register, join(__dirname, 'main.ts'), join(folder, 'experiments/train.ts'), `--seed=${seed}`];
  const { stderr } = spawnSync(
    'bash',
    ['-c', `"$@" ${redirection}; echo "code \${PIPESTATUS[0]}" >&2`, 'bash', process.execPath, ...words],
    {
      encoding: 'utf8',
      cwd: join(__dirname, '../..'),
      env: { ...process.env, MLFLOW_TRACKING_URI: 'databricks' },
    },
  );
  expect(stderr.trim()).toBe('code 0');
  const runs = join(root, 'runs/demo/train');
  const results = readdirSync(runs).map((key) => JSON.parse(readFileSync(join(runs, key, 'result.json'), 'utf8')));
  expect(results.map(({ result }) => result.metrics.seed)).toContain(seed);
});
