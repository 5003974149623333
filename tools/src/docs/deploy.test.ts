/** The programs of docs/deploy.md run as they stand, on a small exported network; those in Python where its packages are. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { formats } from '@headshare/core/delivery/registry';
import { main as exportMain } from '@headshare/core/export/main';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import { State } from '@headshare/core/runtime/state';
import { environmentPython, mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import { buildSync } from 'esbuild';
import sharp from 'sharp';
import { writeServedModel } from '../mlflow/served-model';
import { codeBlocks, readPages, repository } from './pages';

jest.setTimeout(180_000);

const folder = mkdtempSync(join(tmpdir(), 'headshare-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = codeBlocks(readPages().find(({ path }) => path === 'docs/deploy.md')?.text ?? '');
const checkpoint = join(folder, 'last.safetensors');
const description: NetworkDescription = { backbone: 'resnet8', head: 'arcface', inputSize: 32, width: 0.5, classes: 4 };

const lines = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'));
const exported = (ending: string): string => join(folder, `student${ending}`);

beforeAll(async () => {
  const state = new State();
  const network = buildNetwork(state, 'net', description, 1);
  writeCheckpoint(checkpoint, { tensors: network.weights(), metadata: { network: description } });
  state.dispose();
  await sharp({ create: { width: 32, height: 32, channels: 3, background: 'teal' } })
    .png()
    .toFile(join(folder, 'face.png'));
  for (const line of lines) {
    const [, to] = /core:export -- --from=\S+ --to=(\S+)/.exec(line) ?? [];
    if (to === undefined || !formats.all.some(({ ending }) => to.endsWith(ending))) continue;
    const printed: string[] = [];
    const code = await exportMain([`--from=${checkpoint}`, `--to=${join(folder, to)}`], (text) => printed.push(text));
    expect([line, code, printed]).toEqual([line, 0, expect.any(Array)]);
  }
});

test('every way takes at most five lines', () => {
  expect(blocks.filter(({ text }) => text.trim().split('\n').length > 6)).toEqual([]);
});

/** A Python in which these modules can be imported, with what it needs in its environment. */
function pythonWith(modules: string): { readonly command: string; readonly env: NodeJS.ProcessEnv } | undefined {
  const serving = [join(mlflowFolder, 'serving'), process.env.PYTHONPATH].filter(Boolean).join(delimiter);
  for (const command of [process.env.PYTHON, environmentPython(mlflowFolder), 'python3']) {
    const env = { ...process.env, PYTHONPATH: serving };
    if (command && spawnSync(command, ['-c', `import ${modules}`], { env }).status === 0) return { command, env };
  }
  console.warn(`Skipped: no Python here (PYTHON, or python3) has ${modules}.`);
  return undefined;
}

describe.each(blocks.filter(({ language }) => language === 'py').map(({ text }) => [text.split('\n')[0] ?? '', text]))(
  '%s',
  (_, text) => {
    test('runs', async () => {
      const modules = ['mlflow', 'onnxruntime', 'ai_edge_litert', 'PIL'].filter((name) => text.includes(name));
      const python = pythonWith([...modules, 'numpy', ...(text.includes('mlflow') ? ['onnxruntime'] : [])].join(', '));
      if (!python) return;
      if (text.includes('tflite') && !existsSync(exported('.tflite'))) return;
      let program = text;
      if (text.includes('mlflow')) {
        const model = join(folder, 'model');
        mkdirSync(model);
        await writeServedModel(checkpoint, model, repository);
        program = text.replace(/"models:[^"]*"/, JSON.stringify(model));
      }
      writeFileSync(join(folder, 'use.py'), `${program}\nprint("done")\n`);
      const { command, env } = python;
      expect(execFileSync(command, ['use.py'], { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' })).toContain(
        'done',
      );
    });
  },
);

/** A program in TypeScript as an application's builder makes it. */
function bundled(text: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: text, resolveDir: repository, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    external: ['onnxruntime-web', 'sharp', 'node:*'],
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

describe('TypeScript', () => {
  const snippets = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);

  test('in Node prints an embedding', () => {
    const modules = join(folder, 'node_modules');
    mkdirSync(modules, { recursive: true });
    for (const name of ['onnxruntime-web', 'onnxruntime-common', 'sharp']) {
      if (!existsSync(join(modules, name))) symlinkSync(join(repository, 'node_modules', name), join(modules, name));
    }
    const program = snippets.find((text) => text.includes("'sharp'")) ?? '';
    writeFileSync(join(folder, 'use.mjs'), bundled(program));
    expect(execFileSync(process.execPath, ['use.mjs'], { cwd: folder, encoding: 'utf8' })).toMatch(
      /^\[\s*Float32Array\(/,
    );
  });

  test('in a browser is bundled whole', () => {
    const program = snippets.find((text) => text.includes('readPicture')) ?? '';
    expect(bundled(program)).toContain('samePerson');
  });
});
