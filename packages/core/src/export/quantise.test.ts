/** `core:export` with int8 activations: the pictures of --calibrate, and what is refused. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Card } from 'headshare-student/card';
import { onnxMetadata } from 'headshare-student/onnx-metadata';
import sharp from 'sharp';
import { runAsyncCommand } from '../../test/run-command';
import { noisePictures, settledNetwork } from '../../test/settled-network';
import type { NetworkDescription } from '../nn/network';
import { writeCheckpoint } from '../train/checkpoint';
import { main } from './main';

const folder = mkdtempSync(join(tmpdir(), 'headshare-quantise-'));
afterAll(() => rmSync(folder, { recursive: true }));

const description: NetworkDescription = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: '24x32',
  width: 0.5,
  classes: 5,
};
const checkpoint = join(folder, 'last.safetensors');
beforeAll(() => {
  writeCheckpoint(checkpoint, { tensors: settledNetwork(description).tensors, metadata: { network: description } });
});

const run = (...argv: string[]) => runAsyncCommand(main, [`--from=${checkpoint}`, ...argv]);

/** Writes pictures of noise into a new folder. */
async function pictures(name: string, files: readonly string[], height = 24, width = 32): Promise<string> {
  const place = join(folder, name);
  for (const [i, file] of files.entries()) {
    const path = join(place, file);
    mkdirSync(join(path, '..'), { recursive: true });
    const pixels = noisePictures(1, { inputSize: `${height}x${width}` }, i);
    await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
  }
  return place;
}

test('ranges come from a folder of pictures, in folders of it too', async () => {
  const data = await pictures('data', ['a.png', 'b.jpg', 'more/c.webp', 'more/d.png']);
  const to = join(folder, 'student.onnx');
  const { exitCode, text } = await run(`--to=${to}`, '--weights=int8', `--calibrate=${data}`, '--calibrate-pictures=3');
  expect([exitCode, text]).toEqual([0, expect.stringContaining('Largest difference')]);
  expect(text).toContain('Not judged: no run of it is known');
  const bytes = readFileSync(to);
  const card: Card = JSON.parse(onnxMetadata(bytes).get('headshare') as string);
  expect(card).toMatchObject({ weights: 'int8', activations: { type: 'int8', pictures: `3 pictures of ${data}` } });
  expect(bytes.includes('QuantizeLinear')).toBe(true);
  const again = join(folder, 'again.onnx');
  await run(`--to=${again}`, '--weights=int8', `--calibrate=${data}`, '--calibrate-pictures=3');
  expect(readFileSync(again)).toEqual(bytes);
});

test('a mistake is refused in one sentence, and nothing is written', async () => {
  const good = await pictures('good', ['a.png']);
  const other = await pictures('other', ['a.png'], 30, 40);
  const turned = await pictures('turned', ['a.png'], 32, 24);
  const cut = await pictures('cut', ['a.png']);
  writeFileSync(join(cut, 'a.png'), readFileSync(join(cut, 'a.png')).subarray(0, 900));
  const text = await pictures('text', ['a.png']);
  writeFileSync(join(text, 'a.png'), 'no picture');
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const to = `--to=${join(folder, 'new.onnx')}`;
  const before = readdirSync(folder);
  const size = 'and the network takes pictures 24 pixels high and 32 wide: give pictures of that size';
  for (const [argv, exitCode, sentence] of [
    [[to, `--calibrate=${good}`], 2, '--calibrate makes activations int8: add --weights=int8'],
    [[to, '--weights=float16', `--calibrate=${good}`], 2, 'add --weights=int8'],
    [[to, '--weights=int8', '--calibrate=nowhere'], 2, 'nowhere'],
    [[to, '--weights=int8', `--calibrate=${join(good, 'a.png')}`], 2, 'is a file and not a folder'],
    [[to, '--weights=int8', '--calibrate'], 2, '--calibrate needs a value: run or a folder of pictures'],
    [[to, '--weights=int8', `--calibrate=${empty}`], 2, 'empty holds no pictures (.jpg, '],
    [[to, '--weights=int8', `--calibrate=${other}`], 1, `a.png is 30 pixels high and 40 wide, ${size}`],
    [[to, '--weights=int8', `--calibrate=${turned}`], 1, `a.png is 32 pixels high and 24 wide, ${size}`],
    [[to, '--weights=int8', `--calibrate=${cut}`], 1, 'a.png cannot be read: '],
    [[to, '--weights=int8', `--calibrate=${text}`], 1, 'a.png cannot be read: '],
    [[to, '--weights=int8', '--calibrate=run'], 2, '--calibrate=run: no run of it is known; give a folder of pictures'],
    [[to, '--weights=int8', '--calibrate-pictures=0'], 2, '--calibrate-pictures must be a whole number of at least 1'],
    [[to, '--judge'], 2, '--judge: no run of it is known'],
    [
      [`--to=${join(folder, 'new')}`, '--format=tfjs', '--weights=int8', `--calibrate=${good}`],
      2,
      '--calibrate: tfjs stores float32 activations; onnx can store int8',
    ],
    [[`--to=${join(folder, 'new.pth')}`, '--weights=int8'], 2, 'new.pth takes float32 weights alone'],
  ] as const) {
    const { exitCode: found, text } = await run(...argv);
    expect([argv, found, text.includes(sentence) ? sentence : text]).toEqual([argv, exitCode, sentence]);
    expect(text.trim().split('\n')).toHaveLength(1);
  }
  expect(readdirSync(folder)).toEqual(before);
  expect(existsSync(join(folder, 'new.onnx'))).toBe(false);
});
