import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/temporary-folder';
import { openClassFolders } from './class-folders';
import { folderContents } from './folder-contents';
import { irregularIn, listTree } from './tree-listing';

const folder = temporaryFolder();

function make(files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder.path, name, '..'), { recursive: true });
    writeFileSync(join(folder.path, name), content);
  }
}

const list = async (verify = false) => {
  const tree = await listTree(folder.path, { verify });
  return [...tree.values()].flatMap(({ path, images, stamps }) =>
    images.map((name, i) => [path === '' ? name : `${path}/${name}`, stamps[i] as string] as const),
  );
};
const stampOf = async (name: string, verify?: boolean) => new Map(await list(verify)).get(name);
const names = async () => (await list()).map(([name]) => name);

test('a listing sees added, removed, renamed and replaced files', async () => {
  make({ 'a/1.jpg': 'one', 'a/2.jpg': 'two', 'b/1.jpg': 'x' });
  expect(await names()).toEqual(['a/1.jpg', 'a/2.jpg', 'b/1.jpg']);
  const before = await stampOf('a/1.jpg');
  make({ 'a/1.jpg': 'eno', 'a/3.jpg': 'x' });
  rmSync(join(folder.path, 'b/1.jpg'));
  renameSync(join(folder.path, 'a/2.jpg'), join(folder.path, 'b/2.jpg'));
  expect(await names()).toEqual(['a/1.jpg', 'a/3.jpg', 'b/2.jpg']);
  expect(await stampOf('a/1.jpg')).not.toBe(before);
});

test('a small set is known by its contents, whatever the times of its files say', async () => {
  make({ 'a.jpg': 'one' });
  const at = new Date('2024-01-01');
  utimesSync(join(folder.path, 'a.jpg'), at, at);
  const before = await stampOf('a.jpg');
  make({ 'a.jpg': 'eno' });
  utimesSync(join(folder.path, 'a.jpg'), at, at);
  expect(await stampOf('a.jpg')).not.toBe(before);
  make({ 'a.jpg': 'one' });
  expect(await stampOf('a.jpg')).toBe(before);
});

test('what operating systems leave behind is no data', async () => {
  make({
    'a/1.jpg': 'x',
    '__MACOSX/a/._1.jpg': 'x',
    'a/.DS_Store': 'x',
    'a/Thumbs.db': 'x',
    '@eaDir/1.jpg': 'x',
    '.hidden/1.jpg': 'x',
    'lost+found/1.jpg': 'x',
  });
  expect(await names()).toEqual(['a/1.jpg']);
});

test('a pipe named as a picture is named and not read, also through a link', async () => {
  make({ 'a/1.jpg': 'x', 'a/2.jpg': 'x', 'b/1.jpg': 'x', 'b/2.jpg': 'x' });
  execFileSync('mkfifo', [join(folder.path, 'a/pipe.jpg')]);
  symlinkSync('pipe.jpg', join(folder.path, 'a/link.png'));
  symlinkSync('1.jpg', join(folder.path, 'b/link.jpg'));
  symlinkSync('/dev/zero', join(folder.path, 'b/zero.jpg'));
  expect(await names()).toEqual(['a/1.jpg', 'a/2.jpg', 'b/1.jpg', 'b/2.jpg', 'b/link.jpg']);
  expect(irregularIn(await listTree(folder.path, { verify: true }))).toEqual([
    'a/link.png',
    'a/pipe.jpg',
    'b/zero.jpg',
  ]);
  expect(folderContents(join(folder.path, 'a')).images).toBe(2);
  const { notes, train } = await openClassFolders(folder.path);
  expect(train.labels).toHaveLength(3);
  expect(notes?.join()).toContain('not read, a pipe, socket or device: a/link.png, a/pipe.jpg, b/zero.jpg.');
});

test('loops of links end in a sentence', async () => {
  make({ 'a/b/1.jpg': 'x' });
  symlinkSync('..', join(folder.path, 'a/b/up'));
  await expect(list()).rejects.toThrow('a/b/up is a link to one of its parents.');
  rmSync(join(folder.path, 'a/b/up'));
  symlinkSync('self.jpg', join(folder.path, 'a/self.jpg'));
  await expect(list()).rejects.toThrow('a/self.jpg cannot be read (ELOOP).');
  rmSync(join(folder.path, 'a/self.jpg'));
  symlinkSync('nowhere', join(folder.path, 'a/notes'));
  expect(await names()).toEqual(['a/b/1.jpg']);
});

test('folders nested without end are refused', async () => {
  make({ 'a/b/c/d/e/f/g/h/i/1.jpg': 'x' });
  await expect(list()).rejects.toThrow('folders deep');
});
