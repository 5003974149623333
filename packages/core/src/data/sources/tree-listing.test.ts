import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { settle, temporaryFolder } from '../../../test/temporary-folder';
import { listFile, listTree, readIndex } from './tree-listing';

const folder = temporaryFolder();

function make(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(join(folder.path, file, '..'), { recursive: true });
    writeFileSync(join(folder.path, file), 'x');
  }
}

/** Lists with the cached list; a test's changes to that list show that it was used. */
const list = async () => {
  const root = join(folder.path, 'train');
  const tree = await listTree(root, listFile(folder.path, 'train', undefined));
  return [...tree.values()].flatMap(({ path, images }) => images.map((name) => `${path}/${name}`));
};

function tamper(from: string, to: string): void {
  const listPath = listFile(folder.path, 'train', undefined) as string;
  writeFileSync(listPath, readFileSync(listPath, 'utf8').replace(from, to));
}

test('the cached list is used for unchanged folders; others are listed again', async () => {
  make('train/a/1.jpg', 'train/a/2.jpg', 'train/b/1.jpg');
  settle(join(folder.path, 'train'));
  expect(await list()).toEqual(['a/1.jpg', 'a/2.jpg', 'b/1.jpg']);
  // One of the two images of `a` is probed; the other may have any name in the cached list.
  tamper('1.jpg","2.jpg', '0.jpg","2.jpg');
  expect(await list()).toEqual(['a/0.jpg', 'a/2.jpg', 'b/1.jpg']);
  make('train/b/3.jpg');
  expect(await list()).toEqual(['a/0.jpg', 'a/2.jpg', 'b/1.jpg', 'b/3.jpg']);
  make('train/a/3.jpg', 'train/c/1.jpg');
  expect(await list()).toEqual(['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'b/1.jpg', 'b/3.jpg', 'c/1.jpg']);
});

test('a folder that has just changed is listed again: its modification time may hide another change', async () => {
  make('train/a/1.jpg');
  await list();
  tamper('1.jpg', '0.jpg');
  expect(await list()).toEqual(['a/1.jpg']);
});

test('a folder whose images were all rewritten is listed again', async () => {
  make('train/a/1.jpg');
  settle(join(folder.path, 'train'));
  await list();
  writeFileSync(join(folder.path, 'train/a/1.jpg'), 'longer');
  const tree = await listTree(join(folder.path, 'train'), listFile(folder.path, 'train', undefined));
  expect(tree.get('a')?.sizes).toEqual([6]);
});

test('a damaged list is replaced', async () => {
  make('train/a/1.jpg', 'train/b/1.jpg');
  settle(join(folder.path, 'train'));
  await list();
  const listPath = listFile(folder.path, 'train', undefined) as string;
  const whole = readFileSync(listPath);
  const expected = await readIndex(listPath);
  expect(expected?.size).toBe(3);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      writeFileSync(listPath, cut ? whole.subarray(0, at) : bytes);
      const read = await readIndex(listPath);
      if (cut) expect(read).toBeUndefined();
      else if (read) for (const { images, sizes } of read.values()) expect(images.length).toBe(sizes.length);
    }),
    { seed: 1, numRuns: 300 },
  );
  writeFileSync(listPath, whole.subarray(0, 40));
  expect(await list()).toEqual(['a/1.jpg', 'b/1.jpg']);
  expect(readFileSync(listPath).length).toBe(whole.length);
});

test('a list is not cached if its folder cannot be written', async () => {
  make('train/a/1.jpg', 'taken');
  settle(join(folder.path, 'train'));
  const listPath = listFile(folder.path, 'train', join(folder.path, 'taken'));
  expect([...(await listTree(join(folder.path, 'train'), listPath)).keys()]).toEqual(['', 'a']);
  chmodSync(folder.path, 0o555);
  expect(await list()).toEqual(['a/1.jpg']);
  chmodSync(folder.path, 0o755);
  // The superuser may write anywhere.
  if (process.getuid?.() !== 0) expect(existsSync(join(folder.path, '.headshare'))).toBe(false);
});
