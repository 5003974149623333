import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAsyncCommand } from '../../test/run-command';
import { buildNetwork, type NetworkDescription } from '../nn/network';
import { cifar100 } from '../nn/normalisation';
import { State } from '../runtime/state';
import { writeCheckpoint } from '../train/checkpoint';
import { readNetwork } from '../train/networks/load-network';
import { exportedWeights } from '../weights/export-weights';
import { safetensorsParts } from '../weights/safetensors';
import { main } from './main';

const folder = mkdtempSync(join(tmpdir(), 'headshare-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

const description: NetworkDescription = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: 32,
  width: 1,
  classes: 10,
  normalisation: cifar100,
};
const checkpoint = join(folder, 'last.safetensors');
beforeAll(() => {
  const state = new State();
  const network = buildNetwork(state, 'net', description, 1);
  writeCheckpoint(checkpoint, { tensors: network.weights(), metadata: { network: description } });
  state.dispose();
});

const run = (...argv: string[]) => runAsyncCommand(main, argv);

test.each([
  ['student.pth', 'torch.load', ', weights_only=True'],
  ['student.pt', 'torch.load', ', weights_only=True'],
  ['student.safetensors', 'safetensors.torch.load_file', ''],
])('%s is read back as the same network', async (name, call, option) => {
  const file = join(folder, name);
  const { exitCode, text } = await run(`--from=${checkpoint}`, `--to=${file}`);
  expect(exitCode).toBe(0);
  const { description: found, tensors } = readNetwork(file);
  const { tensors: wanted } = readNetwork(checkpoint);
  expect(found).toEqual(description);
  expect(new Map([...tensors].sort())).toEqual(new Map([...wanted].sort()));
  const numbers = [...wanted.values()].reduce((sum, { values }) => sum + values.length, 0);
  expect(text).toContain(
    `${file}: resnet8 for images of 32 pixels and 10 classes\n${wanted.size} tensors, ${numbers} numbers`,
  );
  expect(text).toMatch(new RegExp(`^In PyTorch: model.load_state_dict\\(${call}\\("[^"]+"${option}\\)\\)$`, 'm'));
});

test('parts that no reference has are named, with the call that loads the rest', async () => {
  const file = join(folder, 'distilled.safetensors');
  const more = { ...description, teacherSpace: 8 };
  const state = new State();
  const network = buildNetwork(state, 'net', more, 1);
  writeCheckpoint(file, { tensors: network.weights(), metadata: { network: more } });
  state.dispose();
  const { text } = await run(`--from=${file}`, `--to=${join(folder, 'distilled.pth')}`);
  expect(text).toMatch(/, strict=False\), which leaves out teacher_space$/);
});

test('a PyTorch file is converted to another one', async () => {
  const [pth, again] = [join(folder, 'a.pth'), join(folder, 'b.pth')];
  expect((await run(`--from=${checkpoint}`, `--to=${pth}`)).exitCode).toBe(0);
  expect((await run('--from', pth, '--to', again)).exitCode).toBe(0);
  expect(new Map([...readNetwork(again).tensors].sort())).toEqual(new Map([...readNetwork(pth).tensors].sort()));
});

test('weights from elsewhere take a normalisation, and weights of BGR become those of RGB; a checkpoint has its own', async () => {
  const [pth, rgb] = [join(folder, 'bgr.pth'), join(folder, 'rgb.pth')];
  await run(`--from=${checkpoint}`, `--to=${pth}`);
  expect((await run(`--from=${pth}`, `--to=${rgb}`, '--normalisation=bgr:127.5/128')).exitCode).toBe(0);
  const [before, after] = [pth, rgb].map((file) => readNetwork(file).tensors.get('conv1.weight')?.values ?? []);
  // [3, 3, in, out]: the weights of red and blue change places.
  expect(after?.slice(0, 16)).toEqual(before?.slice(32, 48));
  expect(after?.slice(16, 32)).toEqual(before?.slice(16, 32));
  const other = await run(`--from=${checkpoint}`, `--to=${join(folder, 'no.pth')}`, '--normalisation=sphereface');
  expect(other).toEqual({
    exitCode: 2,
    text: `${checkpoint} is a checkpoint and holds its normalisation, cifar100 of RGB: give no other one.`,
  });
});

test('an existing file is only replaced by --force', async () => {
  const file = join(folder, 'there.pth');
  writeFileSync(file, 'mine');
  const { exitCode, text } = await run(`--from=${checkpoint}`, `--to=${file}`);
  expect([exitCode, text]).toEqual([2, `--to: ${file} exists; --force replaces it`]);
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect((await run(`--from=${checkpoint}`, `--to=${file}`, '--force')).exitCode).toBe(0);
  expect(readNetwork(file).description).toEqual(description);
});

test('a mistake is refused in one sentence, and nothing is written', async () => {
  const before = readdirSync(folder);
  const to = join(folder, 'new.pth');
  const odd = join(folder, 'new.onx');
  const gone = join(folder, 'gone.safetensors');
  for (const [argv, wanted, sentence] of [
    [[`--to=${to}`], 2, "--from is missing: a run's folder, key or MLflow id, or a file of weights"],
    [[`--from=${checkpoint}`], 2, '--to is missing: where to write, ending in .onnx, '],
    [['--from'], 2, "--from needs a value: a run's folder"],
    [[checkpoint, to], 2, `'${checkpoint}' is not an option: write --name=value`],
    [[`--from=${checkpoint}`, `--to=${odd}`], 2, `${odd} has the unknown ending .onx; did you mean '.onnx'?`],
    [[`--from=${gone}`, `--to=${to}`], 1, `${gone} cannot be read`],
    [['--form=x'], 2, 'unknown option --form; did you mean --from?'],
  ] as const) {
    const { exitCode, text } = await run(...argv);
    expect([argv, exitCode, text.includes(sentence) ? sentence : text]).toEqual([argv, wanted, sentence]);
  }
  expect(readdirSync(folder)).toEqual(before);
});

describe('a network without a classifier', () => {
  const file = join(folder, 'headless.safetensors');
  beforeAll(() => {
    const network = readNetwork(checkpoint);
    const tensors = [...exportedWeights({ ...network, lacksHead: true })];
    writeFileSync(file, Buffer.concat([...safetensorsParts(new Map(tensors), { format: 'pt' })]));
  });

  test('is written as weights without one, and read back', async () => {
    const to = join(folder, 'headless.pth');
    const { exitCode, text } = await run(`--from=${file}`, `--to=${to}`);
    expect(exitCode).toBe(0);
    expect(text).toContain(`${to}: resnet8 for images of 32 pixels, without a classifier\n`);
    const { lacksHead, tensors } = readNetwork(to, { headless: true });
    expect(lacksHead).toBe(true);
    const own = [...readNetwork(checkpoint).tensors].filter(([name]) => !name.startsWith('head.'));
    expect(own.every(([name, value]) => JSON.stringify(value) === JSON.stringify(tensors.get(name)))).toBe(true);
  });

  test('is exported as a model of its embedding, and is read back', async () => {
    const to = join(folder, 'headless.onnx');
    const { exitCode, text } = await run(`--from=${file}`, `--to=${to}`);
    expect(text).toContain('has no classifier: its embedding alone is exported');
    expect([exitCode, text]).toEqual([0, expect.stringContaining('32 pixels, embedding, ')]);
    const again = await run(`--from=${to}`, `--to=${join(folder, 'again.pth')}`);
    expect([again.exitCode, again.text]).toEqual([0, expect.stringContaining(', without a classifier')]);
  });

  test('has no logits', async () => {
    const { exitCode, text } = await run(`--from=${file}`, `--to=${join(folder, 'x.onnx')}`, '--outputs=logits');
    expect([exitCode, text]).toEqual([2, expect.stringContaining('has no classifier; --outputs=embedding needs none')]);
  });
});
