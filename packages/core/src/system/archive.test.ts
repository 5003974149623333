import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../test/temporary-folder';
import { notAFile, notAFolder, unpackCommand } from './archive';

const folder = temporaryFolder();

const file = (name: string, content: string | Buffer = 'x') => {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
};

test.each([
  ['cifar-100-python.tar.gz', 'tar -xzf'],
  ['train.TGZ', 'tar -xzf'],
  ['train.tar', 'tar -xf'],
  ['train.tar.bz2', 'tar -xf'],
  ['train.tar.xz', 'tar -xf'],
  ['tiny-imagenet-200.zip', 'unzip'],
  ['faces.7z', '7z x'],
  ['faces.rar', 'unrar x'],
])('%s is an archive that %s unpacks', (name, command) => {
  const path = file(name);
  expect(unpackCommand(path)).toContain(`${command} ${path}`);
  expect(notAFolder(path, '--data').message).toMatch(
    /^--data=.* is an archive and not a folder: unpack it \(.*\) and give/,
  );
});

test.each([
  ['PK\x03\x04', 'unzip'],
  ['\x1f\x8b', 'gunzip'],
  ['Rar!\x1a', 'unrar'],
  ['7z\xbc\xaf\x27\x1c', '7z x'],
])('an archive without an ending is known by its first bytes %j', (start, command) => {
  expect(unpackCommand(file('download', Buffer.from(`${start}....`, 'latin1')))).toContain(command);
});

test('other files, folders and missing ones have their own sentences', () => {
  const path = file('list.txt');
  mkdirSync(join(folder.path, 'data'));
  expect(unpackCommand(path)).toBeUndefined();
  expect(notAFolder(path).message).toBe(`${path} is a file and not a folder: give the folder, such as ${folder.path}.`);
  expect(notAFolder(join(folder.path, 'none')).message).toBe(`There is no folder ${join(folder.path, 'none')}.`);
  expect(notAFolder('none', '--data').message).toBe('--data: there is no folder none');
  expect(notAFile(folder.path, '--weights').message).toBe(`--weights=${folder.path} is a folder and not a file`);
  expect(notAFolder('caf\ufffd', '--data').message).toContain('make a link to it');
});

test('a compressed file is no archive: the folder that holds it is wanted', () => {
  const path = file('train-images-idx3-ubyte.gz');
  expect(unpackCommand(path)).toBe(`gunzip -k ${path}`);
  expect(notAFolder(path, '--data').message).toBe(
    `--data=${path} is a compressed file and not a folder: give the folder, such as ${folder.path}.`,
  );
});

test('names with spaces are quoted', () => {
  expect(unpackCommand(file("my brother's.zip"))).toBe(
    `unzip '${folder.path}/my brother'\\''s.zip' -d '${folder.path}/my brother'\\''s'`,
  );
});

test('devices and pipes are called what they are', () => {
  expect(notAFile('/dev/null', '--weights').message).toBe('--weights=/dev/null is a device and not a file');
  expect(notAFolder('/dev/null', '--data').message).toMatch(/^--data=\/dev\/null is a device and not a folder/);
});
