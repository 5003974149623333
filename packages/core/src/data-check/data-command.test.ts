import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { temporaryFolder } from '../../test/temporary-folder';
import { writeCifarExample } from '../data/example/cifar-files';
import { exampleImage } from '../data/example/class-folders';
import { checkPictures } from '../data/pipeline/check-pictures';
import { openClassFolders } from '../data/sources/class-folders';
import type { Box, ImageSource } from '../data/sources/image-source';
import { checkData, spread } from './check-data';
import { dataCommand } from './data-command';
import { cifarKind, classFolderKind, type DataKind } from './data-kind';

const folder = temporaryFolder();

async function run(...argv: string[]) {
  const lines: string[] = [];
  const errors = jest.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
  const exitCode = await dataCommand('toys', [cifarKind('cifar10'), classFolderKind], argv, (line) => lines.push(line));
  errors.mockRestore();
  return { exitCode, text: lines.join('\n') };
}

test('check counts and probes a complete dataset and draws a sheet', async () => {
  const data = join(folder.path, 'data');
  expect((await run('example', '--kind=folder', `--out=${data}`)).exitCode).toBe(0);
  const sheet = join(folder.path, 'sheet.png');
  const { exitCode, text } = await run('check', `--data=${data}`, `--sheet=${sheet}`, '--whole');
  expect(text).toMatch(/train +9 .* 3 +3 +3\ntest +6 .* 3 +2 +2\nDecoded 15 images: 0 cannot be read/);
  expect(exitCode).toBe(0);
  const { width, height } = await sharp(sheet).metadata();
  expect([width, height]).toEqual([3 * 66 + 2, 3 * 66 + 2]);
});

test('check names unreadable images', async () => {
  const data = join(folder.path, 'data');
  await run('example', '--kind=folder', `--out=${data}`);
  const broken = join(data, 'train/circles/2.jpg');
  writeFileSync(broken, 'no image');
  const { exitCode, text } = await run('check', `--data=${data}`);
  expect(exitCode).toBe(1);
  expect(text).toContain(`15 images: 1 cannot be read.\n  ${broken}: `);
});

test('decoding whole images finds one that is cut off', async () => {
  const data = join(folder.path, 'data');
  await run('example', '--kind=folder', `--out=${data}`);
  const image = await exampleImage(0, 0);
  writeFileSync(join(data, 'train/circles/0.jpg'), image.subarray(0, image.length - 100));
  const { train } = await openClassFolders(data);
  const all = Array.from(train.labels.keys());
  expect(await checkPictures(train, all, { whole: false })).toEqual([]);
  expect(await checkPictures(train, all, { whole: true })).toHaveLength(1);
  expect(await checkPictures(train, spread(all.length, 1), { whole: true })).toHaveLength(1);
  expect(spread(10, 4)).toEqual([0, 2, 5, 7]);
});

test('check reports boxes that reach beyond their images, and refuses those outside', async () => {
  const data = join(folder.path, 'data');
  await run('example', '--kind=folder', `--out=${data}`);
  const boxes: Box[] = [
    [0, 0, 60, 40],
    [5, 4, 56, 30],
    [-3, 0, 10, 10],
    [60, 0, 10, 10],
  ];
  const withBoxes = (source: ImageSource): ImageSource => ({
    ...source,
    locate: (index) => ({ ...source.locate(index), box: boxes[index] ?? [0, 0, 9, 9] }),
  });
  for (const whole of [false, true]) {
    const lines: string[] = [];
    const kind: DataKind = {
      ...classFolderKind,
      open: async (at) => ({ train: withBoxes((await openClassFolders(at)).train) }),
    };
    expect(await checkData(kind, data, { whole }, (line) => lines.push(line))).toBe(false);
    const text = lines.join('\n');
    expect(text).toContain(': 1 cannot be read.');
    expect(text).toContain('its box 60, 0, 10 x 10 has no area within the picture of 60 x 40 pixels');
    expect(text).toContain('2 boxes reach beyond their images; training uses the part within:');
    expect(text).toContain('left 5, top 4, 56 x 30 of 60 x 40');
  }
});

test('check reports an incomplete dataset and where to download the rest', async () => {
  const at = writeCifarExample(folder.path, 'cifar10', 1);
  const { exitCode, text } = await run(`--data=${folder.path}`);
  expect(exitCode).toBe(1);
  expect(text).toContain('CIFAR-10 is not complete: 5 training images instead of 50000.');
  expect(text).toContain('CIFAR-10 is at https://www.cs.toronto.edu/~kriz/cifar.html');
  expect(text).toContain(`Then: npx nx run toys:data -- check --kind=cifar10 --data=${folder.path}`);
  rmSync(join(at, 'test_batch.bin'));
  const torn = await run(`--data=${folder.path}`);
  expect(torn.exitCode).toBe(1);
  expect(torn.text).toContain('lacks test_batch.bin of CIFAR-10');
});

test('pack writes shards, and verify compares them with their checksums', async () => {
  const [data, out] = [join(folder.path, 'data'), join(folder.path, 'packed')];
  await run('example', '--kind=folder', `--out=${data}`);
  expect((await run('pack', `--data=${data}`, `--out=${out}`)).text).toContain(
    `data-train: 9 images in 1 files in ${out}`,
  );
  expect(await run('verify', `--out=${out}`)).toEqual({
    exitCode: 0,
    text: 'data-test.shards.json: complete\ndata-train.shards.json: complete',
  });
  writeFileSync(join(out, 'data-test-00000.shard'), 'short');
  expect(await run('verify', `--out=${out}`)).toMatchObject({ exitCode: 1 });
});

test.each([
  [['chek'], "unknown action 'chek'; did you mean 'check'?"],
  [['check', '--dta=x'], 'unknown option --dta; did you mean --data?'],
  [['check', '--kind=cifar1'], "--kind: unknown value 'cifar1'; did you mean 'cifar10'?"],
  [['check', '--sample=0'], '--sample must be a whole number of at least 1, got 0'],
  [['pack', '--data'], '--data needs a value'],
  [['example'], '--out is required: name a folder'],
  [['check', '--whole=no'], '--whole must be true or false, got no'],
])('%p is refused, and the error suggests the right form', async (argv, sentence) => {
  const { exitCode, text } = await run(...argv);
  expect(exitCode).toBe(2);
  expect(text).toContain(sentence);
});
