/** `core:export` of models: what it writes, and what it refuses. */
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Card } from 'headshare-student/card';
import { readCard } from 'headshare-student/read-card';
import { runAsyncCommand } from '../../test/run-command';
import { settledNetwork } from '../../test/settled-network';
import type { NetworkDescription } from '../nn/network';
import { cifar100 } from '../nn/normalisation';
import { writeCheckpoint } from '../train/checkpoint';
import { main } from './main';

const folder = mkdtempSync(join(tmpdir(), 'headshare-models-'));
afterAll(() => rmSync(folder, { recursive: true }));

const description: NetworkDescription = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: '24x32',
  width: 0.25,
  classes: 5,
  normalisation: cifar100,
};
const checkpoint = join(folder, 'last.safetensors');
beforeAll(() => {
  const { tensors } = settledNetwork(description);
  writeCheckpoint(checkpoint, { tensors, metadata: { network: description } });
});

const run = (...argv: string[]) => runAsyncCommand(main, [`--from=${checkpoint}`, ...argv]);

/** The card in a model, wherever its format keeps it. */
function cardIn(target: string): Card {
  if (/\.(onnx|tflite)$/.test(target)) return readCard(readFileSync(target));
  return JSON.parse(readFileSync(join(target, 'about.json'), 'utf8'));
}

/** Everything in a folder: paths and contents. */
function contentOf(target: string): Record<string, string> {
  if (statSync(target).isFile()) return { '': readFileSync(target, 'base64') };
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(target.length), readFileSync(path, 'base64')]));
}

describe.each(['student.onnx', 'student.tflite', 'saved', 'tfjs'])('%s', (name) => {
  test('says what it is, how far it is off, and has a card', async () => {
    const to = join(folder, name);
    const { exitCode, text } = await run(`--to=${to}`);
    expect([exitCode, text]).toEqual([0, expect.any(String)]);
    expect(text).toContain(`${to}: resnet8 for images of 24 x 32 pixels, logits and probabilities`);
    const off = /^Largest difference from the network's own \w+: (\S+) of (\S+), on 8 pictures of noise/m.exec(text);
    expect(Number(off?.[1]) / Number(off?.[2])).toBeLessThan(1e-5);
    expect(cardIn(to)).toMatchObject({
      network: { backbone: 'resnet8', head: 'linear', classes: 5 },
      input: { name: 'image', form: 'bytes', height: 24, width: 32, colours: 'RGB', ...cifar100 },
      outputs: ['logits', 'probabilities'],
      task: 'classification',
      weights: 'float32',
    });
  });

  test('has the same bytes each time, and nothing beside it', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')].map((place) => {
      mkdirSync(place);
      return join(place, name);
    }) as [string, string];
    for (const to of [first, second]) expect((await run(`--to=${to}`)).exitCode).toBe(0);
    expect(contentOf(second)).toEqual(contentOf(first));
    for (const place of ['first', 'second']) {
      expect(readdirSync(join(folder, place))).toEqual([name]);
      rmSync(join(folder, place), { recursive: true });
    }
  });

  test('of float16 takes half the bytes and loses little', async () => {
    const [full, half] = [join(folder, name), join(folder, `half-${name}`)];
    const format = name.includes('.') ? [] : [`--format=${name === 'saved' ? 'saved-model' : name}`];
    const { exitCode, text } = await run(`--to=${half}`, '--weights=float16', ...format);
    expect([exitCode, text]).toEqual([0, expect.stringContaining('Largest difference')]);
    const size = (target: string) => Object.values(contentOf(target)).reduce((sum, one) => sum + one.length, 0);
    expect(size(half)).toBeLessThan(size(full));
    expect(cardIn(half).weights).toBe('float16');
  });

  test('is only replaced by --force', async () => {
    const to = join(folder, name);
    const before = contentOf(to);
    expect(await run(`--to=${to}`)).toEqual({ exitCode: 2, text: `--to: ${to} exists; --force replaces it` });
    expect(contentOf(to)).toEqual(before);
    expect((await run(`--to=${to}`, '--force', '--outputs=embedding')).exitCode).toBe(0);
    expect(cardIn(to).outputs).toEqual(['embedding']);
  });

  test('leaves nothing where the disk is full, and what was there before stays', async () => {
    const to = join(folder, name);
    const before = contentOf(to);
    const beside = readdirSync(folder);
    const full = jest.spyOn(fs, 'writevSync').mockImplementation(() => {
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    });
    const { exitCode, text } = await run(`--to=${to}`, '--force');
    full.mockRestore();
    expect([exitCode, text]).toEqual([1, expect.stringMatching(/^The disk is full: \S+ could not be written/)]);
    expect(text).not.toContain('partial');
    expect(contentOf(to)).toEqual(before);
    expect(readdirSync(folder)).toEqual(beside);
  });
});

test('a model that differs from its network is removed', async () => {
  const { formats } = require('../delivery/registry') as typeof import('../delivery/registry');
  const format = formats.named('onnx');
  const to = join(folder, 'wrong.onnx');
  const load = jest.spyOn(format, 'load').mockResolvedValue({
    run: async () => ({ logits: new Float32Array(8 * 5), probabilities: new Float32Array(8 * 5) }),
    close: async () => undefined,
  });
  const { exitCode, text } = await run(`--to=${to}`);
  load.mockRestore();
  expect(exitCode).toBe(1);
  expect(text).toMatch(/wrong\.onnx was not kept: on 8 pictures of noise .* its \w+ differs by \S+ of \S+ from/);
  expect(existsSync(to)).toBe(false);
});

test('a mistake is refused in one sentence, and nothing is written', async () => {
  const beside = readdirSync(folder);
  const nan = join(folder, 'nan.safetensors');
  const { tensors } = settledNetwork(description);
  tensors.get('head.weight')?.values.set([Number.NaN], 3);
  writeCheckpoint(nan, { tensors, metadata: { network: description } });
  const to = join(folder, 'new.onnx');
  for (const [argv, exitCode, sentence] of [
    [[`--to=${join(folder, 'student.onx')}`], 2, "has the unknown ending .onx; did you mean '.onnx'?"],
    [[`--to=${join(folder, 'somewhere')}`], 2, 'names no format: write a file that ends in .onnx'],
    [[`--to=${join(folder, 'new')}`, '--format=onnx'], 2, '--format=onnx does not fit --to='],
    [[`--to=${join(folder, 'anything')}/`], 2, 'or add --format=saved-model or --format=tfjs for a folder'],
    [[`--to=${join(folder, 'any.v2')}/`], 2, 'or add --format=saved-model or --format=tfjs for a folder'],
    [[`--to=${to}/`], 2, `new.onnx/ ends like a folder: write ${to} for a file, or add --format=saved-model or`],
    [[`--to=${join(folder, 'new.pth')}//`], 2, `ends like a folder: write ${join(folder, 'new.pth')} for a file`],
    [[`--to=${to}/`, '--format=onnx'], 2, '--format=onnx does not fit --to='],
    [[`--to=${to}`, '--format=tfjs'], 2, 'it is written into a folder'],
    [[`--to=${to}`, '--format=tfsj'], 2, "unknown value 'tfsj'; did you mean 'tfjs'?"],
    [[`--to=${to}`, '--outputs=embeding'], 2, "unknown value 'embeding'; did you mean 'embedding'?"],
    [[`--to=${to}`, '--weights=float8'], 2, "unknown value 'float8'"],
    [[`--to=${to}`, '--teacher-space'], 2, 'learned no map to the space of a teacher'],
    [[`--to=${join(folder, 'none', 'new.onnx')}`], 2, `--to: the folder ${join(folder, 'none')} does not exist`],
    [[`--to=${to}`, `--from=${nan}`], 1, 'nan.safetensors holds no usable weights: head.weight is NaN at [0,3]'],
    [[`--to=${to}`, '--from=zzz'], 2, "'zzz' is neither a run's folder nor its id"],
    [[`--to=${to}`, `--from=${join(folder, 'none.safetensors')}`], 1, 'cannot be read'],
  ] as const) {
    const { exitCode: found, text } = await run(...argv);
    expect([argv, found, text.includes(sentence) ? sentence : text]).toEqual([argv, exitCode, sentence]);
    expect(text.trim().split('\n')).toHaveLength(1);
  }
  rmSync(nan);
  expect(readdirSync(folder)).toEqual(beside);
});

test('a folder is not replaced by a file, nor a file by a folder', async () => {
  const [file, place] = [join(folder, 'tfjs-file'), join(folder, 'folder.onnx')];
  writeFileSync(file, 'mine');
  mkdirSync(place);
  for (const [to, what] of [
    [file, 'file'],
    [place, 'folder'],
  ] as const) {
    expect(await run(`--to=${to}`, '--force')).toEqual({ exitCode: 2, text: `--to: ${to} is a ${what} already` });
  }
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

describe('a folder with files that no export wrote is never replaced', () => {
  const force = ['--format=saved-model', '--force'];
  const refusal = (to: string, name: string) =>
    `--to: the folder ${to} holds ${name}, which no export wrote and which would be deleted: name another folder`;

  test.each([
    ['documents', { 'guide.md': 'mine' }, 'guide.md'],
    ['documents with a slash/', { 'guide.md': 'mine' }, 'guide.md'],
    ["another program's model", { 'about.json': '{"madeBy":"me"}', 'saved_model.pb': '' }, 'about.json'],
    ['broken card', { 'about.json': '{' }, 'about.json'],
    ['folders', { 'face/key/result.json': '{}' }, 'face'],
    ['notes', { 'about.json': '{"madeBy":"headshare"}', 'model.json': '', 'notes.txt': 'mine' }, 'notes.txt'],
    ['deep', { 'about.json': '{"madeBy":"headshare"}', 'variables/mine.txt': 'mine' }, 'variables/mine.txt'],
  ])('%s', async (name, files: Readonly<Record<string, string>>, found) => {
    const to = `${folder}/own-${name}`;
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(to, path)), { recursive: true });
      writeFileSync(join(to, path), text);
    }
    const before = contentOf(to);
    for (const more of [force, force.slice(0, 1)]) {
      expect(await run(`--to=${to}`, ...more)).toEqual({ exitCode: 2, text: refusal(to, found) });
    }
    expect(contentOf(to)).toEqual(before);
    rmSync(to, { recursive: true });
  });

  test('the working folder', async () => {
    const { exitCode, text } = await run('--to=.', ...force);
    expect([exitCode, text]).toEqual([2, expect.stringMatching(/^--to: the folder \. holds \S+, which no export/)]);
  });

  test('an empty folder and a model of another format are replaced', async () => {
    const to = join(folder, 'empty');
    mkdirSync(to);
    for (const format of ['tfjs', 'saved-model', 'tfjs']) {
      expect((await run(`--to=${to}/`, `--format=${format}`, '--force')).exitCode).toBe(0);
    }
    expect(readdirSync(to).sort()).toEqual(['about.json', 'model.json', 'weights.bin']);
    rmSync(to, { recursive: true });
  });
});

test('a file is found with a slash behind its name too', async () => {
  const file = join(folder, 'plain');
  writeFileSync(file, 'mine');
  for (const more of [[], ['--force']]) {
    const { exitCode, text } = await run(`--to=${file}/`, '--format=tfjs', ...more);
    expect([exitCode, text]).toEqual([2, `--to: ${file}/ is a file already`]);
  }
  expect(readFileSync(file, 'utf8')).toBe('mine');
  rmSync(file);
});
