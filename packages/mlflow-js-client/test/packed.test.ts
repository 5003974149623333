import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { realServer } from './real-server';

/** The published package, installed into an empty folder without a network and used by plain Node. */
let folder: string;
let app: string;

const run = (command: string, args: string[], cwd: string): string =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, MLFLOW_TRACKING_URI: realServer().uri },
  });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlflow-packed-'));
  app = join(folder, 'app');
  mkdirSync(app);
  run(process.execPath, [resolve(__dirname, '../build.mjs'), join(folder, 'dist')], folder);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], join(folder, 'dist')));
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, packed.filename)], app);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = `
const mlflow = connectFromEnvironment();
const experiment = await ensureExperiment(mlflow, 'packed');
const run = await createRun(mlflow, { experimentId: experiment, name: 'packed', startTime: Date.now() });
await logBatch(mlflow, run.info.run_id, { params: keyValues({ epochs: '3' }) });
const { data } = await getRun(mlflow, run.info.run_id);
console.log(JSON.stringify(data.params));`;
const names = '{ connectFromEnvironment, createRun, ensureExperiment, getRun, keyValues, logBatch }';

test('contains only JavaScript, types, README and licence', () => {
  const installed = join(app, 'node_modules/mlflow-js-client');
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'lib', 'package.json']);
  const files = readdirSync(join(installed, 'lib'), { recursive: true, withFileTypes: true });
  const odd = files.filter((entry) => entry.isFile() && !/(?<!\.test)(\.js|\.d\.ts)$/.test(entry.name));
  expect(odd.map(({ name }) => name)).toEqual([]);
  const {
    private: hidden,
    dependencies,
    license,
    engines,
  } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  expect({ hidden, dependencies, license, engines }).toEqual({ license: 'MIT', engines: { node: '>=20.19' } });
});

test('is imported', () => {
  writeFileSync(join(app, 'use.mjs'), `import ${names} from 'mlflow-js-client';${program}`);
  expect(run(process.execPath, ['use.mjs'], app)).toBe('[{"key":"epochs","value":"3"}]\n');
});

test('is required', () => {
  writeFileSync(join(app, 'use.cjs'), `const ${names} = require('mlflow-js-client');(async () => {${program}})();`);
  expect(run(process.execPath, ['use.cjs'], app)).toBe('[{"key":"epochs","value":"3"}]\n');
});

test('has types that check a strict program and all examples of the README', () => {
  const wrong = '// @ts-expect-error: it is read-only.\nmlflow.uri = "";\nexport {};';
  writeFileSync(join(app, 'use.mts'), `import ${names} from 'mlflow-js-client';${program}\n${wrong}`);
  const readme = readFileSync(resolve(__dirname, '../README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, example = '']) => example);
  expect(examples.length).toBeGreaterThan(3);
  const files = ['use.mts'];
  for (const [index, example] of examples.entries()) {
    files.push(`example-${index}.mts`);
    writeFileSync(join(app, `example-${index}.mts`), example);
  }
  const root = resolve(__dirname, '../../..');
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  expect(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], app)).toBe('');
}, 60_000);
