/** A tracked training with TensorFlow, made again from the records in MLflow; the test starts its own server. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryPackage } from '@headshare/core/test/temporary-package';
import { connect, type Run, searchRuns } from 'mlflow-js-client';
import { type MlflowServer, mlflowServer } from '../../../packages/core/test/mlflow-server';
import { type Request, reproduce } from './reproduce';

const repository = resolve(__dirname, '../../..');
const core = join(repository, 'packages/core');

const { root } = temporaryPackage({
  train: `import { tinyNetwork, tinyTask, trainTiny } from '${core}/test/tiny-training';
export default defineExperiment({
  summary: 'Train something tiny',
  options: { seed: integer({ default: 1, min: 0, help: 'of all randomness' }),
             epochs: integer({ default: 2, min: 1, help: 'passes over the data' }) },
  run: async ({ folder, signal, tracker, options }) => {
    const { last, files, temporaryFiles } = await trainTiny({
      folder, signal, tracker, task: tinyTask(48), network: tinyNetwork(2),
      // Another machine, whose roundings differ.
      settings: { ...options, batchSize: 24, ...(process.env.OTHER_MACHINE && { learningRate: 0.050001 }) },
    });
    return { metrics: last, summary: 'trained', files, temporaryFiles };
  },
});`,
});
symlinkSync(core, join(root, 'packages/core'));
symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));

let server: MlflowServer;
beforeAll(async () => {
  server = await mlflowServer();
  await server.start();
  for (const seed of [1, 2, 3]) train(['--epochs=1', `--seed=${seed}`]);
}, 300_000);
afterAll(() => {
  server.remove();
  rmSync(root, { recursive: true });
});

function train(words: readonly string[]): void {
  const command = ['-r', join(core, 'register.cjs'), join(core, 'src/experiment/main.ts')];
  execFileSync(process.execPath, [...command, join(root, 'packages/demo/experiments/train.ts'), ...words], {
    cwd: root,
    env: { ...process.env, MLFLOW_TRACKING_URI: server.uri, HEADSHARE_THREADS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function trackedRun(seed: string): Promise<Run> {
  const runs = await searchRuns(connect(server.uri), { experimentIds: ['1'], filter: `params.seed = '${seed}'` });
  expect(runs).toHaveLength(1);
  return runs[0] as Run;
}

async function again(run: string, asked: Partial<Request> = {}) {
  const lines: string[] = [];
  const plain = { worktree: false, reuseStages: false, check: false, keep: false };
  const verdict = await reproduce({
    run,
    root,
    connect: async () => connect(server.uri),
    ...plain,
    signal: new AbortController().signal,
    say: (line) => lines.push(line),
    ...asked,
  });
  return { verdict, text: lines.join('\n') };
}

test('reproduces a run from MLflow alone, with the same bits', async () => {
  const { info, data } = await trackedRun('2');
  const tags = Object.fromEntries(data.tags.map(({ key, value }) => [key, value]));
  expect(tags).toMatchObject({
    'headshare.threads': '1',
    'headshare.node': process.version,
    'headshare.tensorflow': expect.stringMatching(/^tensorflow/),
    'headshare.cpu': expect.any(String),
    'headshare.data': 'embedded',
    'headshare.device': 'cpu',
    'headshare.sources': expect.stringMatching(/^[0-9a-f]{16}$/),
    'headshare.family': expect.stringMatching(/^[0-9a-f]{12}$/),
  });
  rmSync(join(root, 'runs'), { recursive: true });
  rmSync(join(root, 'artifacts'), { recursive: true });

  const { verdict, text } = await again(info.run_id.slice(0, 12));

  expect(text).toContain('The command: npx nx run demo:train --seed=2 --epochs=1');
  expect(text).toMatch(/The same bits: \d+ metrics and \d files of weights are equal\./);
  expect(verdict).toBe('same bits');
  // The new run is not kept.
  await trackedRun('2');
  expect(readdirSync(join(root, 'runs'))).toEqual([]);
}, 120_000);

test('tests other bits against seeds in MLflow', async () => {
  const { info } = await trackedRun('1');
  const before = process.env.HEADSHARE_THREADS;
  process.env.HEADSHARE_THREADS = '3';
  process.env.OTHER_MACHINE = '1';
  try {
    const { verdict, text } = await again(info.run_id);
    expect(text).toMatch(/^threads +1 +3$/m);
    expect(verdict).toBe('same within spread');
    expect(text).toContain('the spread over seeds (1, 2, 3; from MLflow)');
    expect(text).toMatch(/^Weights that changed: .*last\.safetensors/m);
  } finally {
    delete process.env.OTHER_MACHINE;
    if (before === undefined) delete process.env.HEADSHARE_THREADS;
    else process.env.HEADSHARE_THREADS = before;
  }
}, 120_000);

test('refuses a run that neither the workspace nor MLflow has', async () => {
  mkdirSync(join(root, 'runs'), { recursive: true });
  await expect(again('0123456789abcdef')).rejects.toThrow(
    `no run begins with 0123456789abcdef, in runs/ or in MLflow at ${server.uri}`,
  );
});
