import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder.cjs';

const codeOf = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return Reflect.get(Object(error), 'code');
  }
  return undefined;
};

test('makes a folder and its parents, also twice; a file in its way is an error', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headshare-make-'));
  makeFolder(join(folder, 'a/b/c'));
  makeFolder(join(folder, 'a/b/c'));
  expect(existsSync(join(folder, 'a/b/c'))).toBe(true);
  writeFileSync(join(folder, 'file'), '');
  expect(codeOf(() => makeFolder(join(folder, 'file/below')))).toBe('ENOTDIR');
  rmSync(folder, { recursive: true });
});

(process.platform === 'linux' ? test : test.skip)("returns where Node's own recursive mkdir never does", () => {
  expect(codeOf(() => makeFolder('/proc/headshare/below'))).toBe('ENOENT');
});
