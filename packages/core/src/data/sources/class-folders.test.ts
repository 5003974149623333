import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { temporaryFolder } from '../../../test/temporary-folder';
import { openClassFolders } from './class-folders';
import type { ImageSource } from './image-source';

const folder = temporaryFolder();

function make(files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

const contents = (source: ImageSource) =>
  Array.from(source.labels, (label, i) => `${label} ${relative(folder.path, source.locate(i).file)}`);

test('class folders of training and test images', async () => {
  make({
    'train/b/2.JPEG': 'x',
    'train/b/10.jpg': 'x',
    'train/b/.hidden.jpg': 'x',
    'train/b/._2.JPEG': 'x',
    'train/b/notes.txt': 'x',
    'train/b/deeper/1.PNG': 'x',
    'train/a/1.webp': 'x',
    'train/.cache/1.jpg': 'x',
    'val/a/1.tif': 'x',
    'val/b/1.bmp': 'x',
  });
  const { train, test } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['a', 'b']);
  expect(contents(train)).toEqual([
    '0 train/a/1.webp',
    '1 train/b/10.jpg',
    '1 train/b/2.JPEG',
    '1 train/b/deeper/1.PNG',
  ]);
  expect(contents(test)).toEqual(['0 val/a/1.tif', '1 val/b/1.bmp']);
  expect(() => train.locate(4)).toThrow('-train has no image 4: indices run from 0 to 3');
});

test('links are read like their targets', async () => {
  make({
    'elsewhere/a/1.jpg': 'x',
    'elsewhere/one': 'x',
    'data/train/b/1.jpg': 'x',
    'data/test/b/1.jpg': 'x',
    'data/test/a/1.jpg': 'x',
  });
  symlinkSync(join(folder.path, 'elsewhere/a'), join(folder.path, 'data/train/a'));
  symlinkSync(join(folder.path, 'elsewhere/one'), join(folder.path, 'data/train/b/2.jpg'));
  const { train } = await openClassFolders(join(folder.path, 'data'));
  expect(contents(train)).toEqual(['0 data/train/a/1.jpg', '1 data/train/b/1.jpg', '1 data/train/b/2.jpg']);
  symlinkSync(join(folder.path, 'nowhere'), join(folder.path, 'data/train/b/3.jpg'));
  await expect(openClassFolders(join(folder.path, 'data'))).rejects.toThrow(
    'train/b/3.jpg is missing, or a link to a missing file',
  );
  rmSync(join(folder.path, 'data/train/b/3.jpg'));
  symlinkSync(join(folder.path, 'data/train'), join(folder.path, 'data/train/b/up'));
  await expect(openClassFolders(join(folder.path, 'data'))).rejects.toThrow('is a link to one of its parents.');
});

test('without a folder of test images, a fifth of each class becomes the test set', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `${i}.jpg`);
  make(Object.fromEntries(['a', 'b'].flatMap((name) => names.map((file) => [`${name}/${file}`, 'x']))));
  const { train, test, testNote } = await openClassFolders(folder.path);
  expect(testNote).toBe('a fifth of each class, as there is no folder train');
  expect(Array.from(test.labels)).toEqual([0, 0, 1, 1]);
  expect(train.labels.length).toBe(16);
  expect(new Set([...contents(train), ...contents(test)]).size).toBe(20);
  const again = await openClassFolders(folder.path);
  expect(contents(again.test)).toEqual(contents(test));
});

test('a fingerprint covers names, sizes and labels, but not the location of the data', async () => {
  make({ 'd/train/a/1.jpg': 'x', 'd/train/b/1.jpg': 'x', 'd/val/a/1.jpg': 'x', 'd/val/b/1.jpg': 'x' });
  const open = async (at = 'd') => (await openClassFolders(join(folder.path, at))).train.fingerprint;
  const first = await open();
  renameSync(join(folder.path, 'd'), join(folder.path, 'moved'));
  expect(await open('moved')).toBe(first);
  make({ 'moved/train/a/1.jpg': 'xy' });
  const larger = await open('moved');
  renameSync(join(folder.path, 'moved/train/a/1.jpg'), join(folder.path, 'moved/train/a/2.jpg'));
  const renamed = await open('moved');
  make({ 'moved/train/b/2.jpg': 'x' });
  expect(new Set([first, larger, renamed, await open('moved')]).size).toBe(4);
});

test('a picture that is overwritten in place, with as many bytes, changes the fingerprint; touching it does not', async () => {
  make({ 'train/a/1.jpg': 'one', 'train/b/1.jpg': 'x', 'val/a/1.jpg': 'x', 'val/b/1.jpg': 'x' });
  const open = async () => (await openClassFolders(folder.path)).train.fingerprint;
  const before = await open();
  make({ 'train/a/1.jpg': 'eno' });
  expect(await open()).not.toBe(before);
  make({ 'train/a/1.jpg': 'one' });
  expect(await open()).toBe(before);
});

test('errors name missing folders and images', async () => {
  await expect(openClassFolders(join(folder.path, 'none'))).rejects.toThrow('There is no folder ');
  await expect(openClassFolders(folder.path)).rejects.toThrow(`${folder.path} has no class folders: it should`);
  make({ 'train/a/1.jpg': 'x', 'train/b/readme.txt': 'x', 'train/c/1.jpg': 'x' });
  make({ 'val/a/1.jpg': 'x' });
  await expect(openClassFolders(folder.path)).rejects.toThrow(
    'classes without images (.jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff): b.',
  );
  make({ 'train/b/1.jpg': 'x' });
  await expect(openClassFolders(folder.path)).rejects.toThrow('val lacks the folders of the classes b, c.');
  make({ 'val/b/1.jpg': 'x', 'val/c/1.jpg': 'x', 'val/z/1.jpg': 'x' });
  await expect(openClassFolders(folder.path)).rejects.toThrow(
    'has folders that are not classes of the training images: z.',
  );
});
