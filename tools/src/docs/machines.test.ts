/** The examples for clusters in docs/runs.md, run as far as a shell can: with stubs of the cluster's programs. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { readArguments } from '@headshare/core/experiment/arguments';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import { mlflowPython } from '../../../packages/core/test/mlflow-server';
import { codeBlocks, readPages, repository } from './pages';

const stubs = mkdtempSync(join(tmpdir(), 'cluster-'));
afterAll(() => rmSync(stubs, { recursive: true }));
for (const [name, script] of Object.entries({ srun: '"$@"', npx: 'echo "$MLFLOW_TRACKING_URI" "$@"' })) {
  writeFileSync(join(stubs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(stubs, name), 0o755);
}

const blocks = codeBlocks(readPages().find(({ path }) => path === 'docs/runs.md')?.text ?? '');
const block = (language: string): string => {
  const [one, ...others] = blocks.filter((all) => all.language === language);
  if (one === undefined || others.length > 0) throw new Error(`docs/runs.md must have one block of ${language}`);
  return one.text;
};

const catalog = loadCatalog(join(repository, 'packages/face'));
const sweep = catalog.experiments.get('sweep');

/** Runs a command with the stubs. @returns the address of MLflow, and the shard of the sweep that npx would start */
function started(command: readonly [string, ...string[]], environment: Readonly<Record<string, string>>) {
  const [program, ...argv] = command;
  const env = { PATH: [stubs, process.env.PATH].join(delimiter), ...environment };
  const [uri, ...words] = execFileSync(program, argv, { env, encoding: 'utf8' }).trim().split(' ');
  expect(words.slice(0, 3)).toEqual(['nx', 'run', 'face:sweep']);
  if (sweep === undefined) throw new Error('there is no face:sweep');
  return { uri, shard: readArguments(words.slice(3), sweep, catalog, true).given.shard };
}

test('each task of the Slurm array trains one shard', () => {
  const script = join(stubs, 'sweep.sh');
  writeFileSync(script, block('bash'));
  execFileSync('bash', ['-n', script]);
  const [, last = ''] = /^#SBATCH .*--array=1-(\d+)/m.exec(block('bash')) ?? [];
  const shards = Array.from({ length: Number(last) }, (_, i) =>
    started(['bash', script], { SLURM_ARRAY_TASK_ID: `${i + 1}`, SLURM_ARRAY_TASK_COUNT: last }),
  );
  expect(shards.map(({ shard }) => shard)).toEqual(['1/4', '2/4', '3/4', '4/4']);
  expect(shards[0]?.uri).toMatch(/^http:/);
  // A task that is submitted again alone.
  expect(started(['bash', script], { SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_COUNT: '1' }).shard).toBe('3/4');
});

test('each index of the Kubernetes job trains one shard', () => {
  // MLflow's Python has a parser.
  const parse = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))';
  const { apiVersion, kind, spec } = JSON.parse(
    execFileSync(mlflowPython(), ['-c', parse], { input: block('yaml'), encoding: 'utf8' }),
  );
  expect([apiVersion, kind, spec.completionMode]).toEqual(['batch/v1', 'Job', 'Indexed']);
  const { containers, volumes } = spec.template.spec;
  const [{ command, args, env, volumeMounts, workingDir }] = containers;
  expect(volumeMounts).toEqual([{ name: volumes[0].name, mountPath: `${workingDir}/runs` }]);
  const environment = Object.fromEntries(env.map(({ name, value }: Record<string, string>) => [name, value]));
  const shards = Array.from({ length: spec.completions }, (_, i) =>
    started([...command, ...args] as [string, ...string[]], { ...environment, JOB_COMPLETION_INDEX: `${i}` }),
  );
  expect(shards.map(({ shard }) => shard)).toEqual(['1/4', '2/4', '3/4', '4/4']);
  expect(shards[0]?.uri).toBe(environment.MLFLOW_TRACKING_URI);
});
