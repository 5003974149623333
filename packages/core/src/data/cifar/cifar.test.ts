import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePickledCifar } from '../../../test/pickled-cifar';
import { examplePixel, writeCifarExample } from '../example/cifar-files';
import { openCifar } from './cifar';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cifar-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fixtures = join(__dirname, '../../../fixtures/cifar');

test('binary records and pickles of either Python are the same dataset', async () => {
  const opened = [];
  for (const python of [undefined, 2, 3] as const) {
    const at = join(folder, `${python}`);
    if (python) writePickledCifar(at, 'cifar100', 8, python);
    else writeCifarExample(at, 'cifar100');
    opened.push(await openCifar(at, { kind: 'cifar100' }));
  }
  const [first, ...others] = opened;
  for (const other of others) {
    expect(other.train.fingerprint).toBe(first?.train.fingerprint);
    expect(other.test.fingerprint).toBe(first?.test.fingerprint);
    expect(other.classNames).toEqual(first?.classNames);
  }
  expect(first?.test.fingerprint).not.toBe(first?.train.fingerprint);
  expect(first?.classNames.slice(0, 2)).toEqual(['class_0', 'class_1']);
  expect(Array.from(first?.train.labels ?? [])).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
});

test('planes become interleaved pixels', async () => {
  writeCifarExample(folder, 'cifar100');
  const { train } = await openCifar(folder, { kind: 'cifar100' });
  const images = new Uint8Array(2 * 3072);
  await train.read([5, 2], images);
  const pixel = (at: number, x: number, y: number) =>
    Array.from(images.subarray(at * 3072 + (y * 32 + x) * 3).subarray(0, 3));
  expect(pixel(0, 7, 20)).toEqual([0, 1, 2].map((channel) => examplePixel(15, 0, 5, 7, 20, channel)));
  expect(pixel(1, 31, 0)).toEqual([0, 1, 2].map((channel) => examplePixel(6, 0, 2, 31, 0, channel)));
  await expect(train.read([8], images)).rejects.toThrow('cifar100-train has no image 8: indices run from 0 to 7');
});

test('coarse labels are the superclasses of the same images', async () => {
  writeCifarExample(folder, 'cifar100');
  const { train, classNames } = await openCifar(folder, { kind: 'cifar100', labels: 'coarse' });
  expect([train.classes, classNames.length]).toEqual([20, 20]);
  expect(Array.from(train.labels)).toEqual([0, 3, 6, 9, 12, 15, 18, 1]);
});

test('the five batches of CIFAR-10 follow in order', async () => {
  writePickledCifar(folder, 'cifar10', 2);
  const { train, test } = await openCifar(folder, { kind: 'cifar10' });
  expect(Array.from(train.labels)).toEqual([0, 3, 1, 4, 2, 5, 3, 6, 4, 7]);
  expect(Array.from(test.labels)).toEqual([5, 8]);
});

test.each(['python2.pickle', 'python3-protocol5.pickle'])('%s, written by Python, is read', async (file) => {
  const at = join(folder, 'cifar-100-python');
  mkdirSync(at);
  for (const name of ['train', 'test']) copyFileSync(join(fixtures, file), join(at, name));
  const { train, classNames } = await openCifar(folder, { kind: 'cifar100' });
  expect(Array.from(train.labels)).toEqual([99, 0, 7]);
  expect(classNames[99]).toBe('99');
  const image = new Uint8Array(3072);
  await train.read([1], image);
  expect(Array.from(image.subarray(0, 6))).toEqual([
    3072 % 251,
    4096 % 251,
    5120 % 251,
    3073 % 251,
    4097 % 251,
    5121 % 251,
  ]);
});

test('errors name missing files', async () => {
  await expect(openCifar(folder, { kind: 'cifar10' })).rejects.toThrow(
    `${folder} has no CIFAR-10: unpack cifar-10-batches-bin (data_batch_1.bin, ...) or cifar-10-batches-py (data_batch_1, ...) from https://www.cs.toronto.edu/~kriz/cifar.html there.`,
  );
  const at = writePickledCifar(folder, 'cifar10');
  rmSync(join(at, 'data_batch_3'));
  await expect(openCifar(folder, { kind: 'cifar10' })).rejects.toThrow(`${at} lacks data_batch_3 of CIFAR-10`);
});

test('errors name records that are cut off or have no class', async () => {
  const at = writeCifarExample(folder, 'cifar100');
  const file = join(at, 'test.bin');
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.subarray(0, 3 * 3074 + 100));
  await expect(openCifar(folder, { kind: 'cifar100' })).rejects.toThrow(
    `${file} cannot be read as images of CIFAR-100: it ends within record 3: its 9322 bytes are not a multiple of the 3074 of a record.`,
  );
  bytes[2 * 3074 + 1] = 100;
  writeFileSync(file, bytes);
  await expect(openCifar(folder, { kind: 'cifar100' })).rejects.toThrow(
    'record 2 has the label 100, but CIFAR-100 has labels 0 to 99',
  );
});

test('pickles with other content are refused', async () => {
  const at = writePickledCifar(folder, 'cifar100');
  const file = join(at, 'train');
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.subarray(0, 20_000));
  await expect(openCifar(folder, { kind: 'cifar100' })).rejects.toThrow('it ends in the middle');
  writeFileSync(file, readFileSync(join(at, 'meta')));
  await expect(openCifar(folder, { kind: 'cifar100' })).rejects.toThrow("its 'data' is not an array of bytes");
  writeFileSync(file, 'cos\nsystem\n(S"true"\ntR.');
  await expect(openCifar(folder, { kind: 'cifar100' })).rejects.toThrow('it holds os.system, which is not part of');
});
