import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addons } from './compile';
import { platformFor } from './platforms';
import {
  type AddonStamp,
  addonStamp,
  hasLibraries,
  readStamp,
  sameStamp,
  stampFiles,
  wheelDigests,
  writeStamp,
} from './stamp';

const platform = platformFor('cpu', 'linux', 'x64');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stamp-'));
  const sources = Object.values(addons).map((addon) => `native/${addon.folder}`);
  for (const name of [...sources, 'tfjs/binding', 'headers', 'lib']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'native', 'addon.cc'), 'int main;');
});
afterEach(() => rmSync(folder, { recursive: true }));

const current = (compiler = 'g++ 12', cpu = 'a'): AddonStamp =>
  addonStamp(platform, compiler, cpu, {
    native: join(folder, 'native'),
    tfjsNode: join(folder, 'tfjs'),
    nodeHeaders: join(folder, 'headers'),
  });

test('another compiler, processor or source needs a new addon; a text file beside the sources does not', () => {
  const before = current();
  expect(sameStamp(before, current())).toBe(true);
  expect(sameStamp(before, current('g++ 13'))).toBe(false);
  expect(sameStamp(before, current('g++ 12', 'b'))).toBe(false);

  writeFileSync(join(folder, 'native', 'README.md'), 'a note');
  expect(sameStamp(before, current())).toBe(true);
  writeFileSync(join(folder, 'native', 'addon.cc'), 'int other;');
  expect(sameStamp(before, current())).toBe(false);
});

test('a stamp is written and read back', () => {
  writeStamp(folder, stampFiles.addon, current());
  expect(sameStamp(readStamp<AddonStamp>(folder, stampFiles.addon), current())).toBe(true);
  expect(readdirSync(folder).filter((name) => name.includes('fresh'))).toEqual([]);
});

test('a missing or damaged stamp reads as undefined', () => {
  expect(readStamp(folder, stampFiles.addon)).toBeUndefined();
  writeFileSync(join(folder, stampFiles.addon), '{"wheels": [');
  expect(readStamp(folder, stampFiles.addon)).toBeUndefined();
});

test('libraries count only at their full size and from the pinned wheels', () => {
  const wheels = wheelDigests(platform);
  const library = join(folder, 'lib', 'libtensorflow_cc.so.2');
  writeFileSync(library, 'library');
  expect(hasLibraries(folder, wheels)).toBe(false);
  writeStamp(folder, stampFiles.libraries, { wheels, files: { 'lib/libtensorflow_cc.so.2': 7 } });
  expect(hasLibraries(folder, wheels)).toBe(true);
  expect(hasLibraries(folder, ['tensorflow-cpu==2.22.0 sha256:0'])).toBe(false);
  truncateSync(library, 3);
  expect(hasLibraries(folder, wheels)).toBe(false);
  rmSync(library);
  expect(hasLibraries(folder, wheels)).toBe(false);
});
