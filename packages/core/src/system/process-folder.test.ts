import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../test/temporary-folder';
import { makeProcessFolder } from './process-folder';

const folder = temporaryFolder();
const prefix = 'headshare-sample-';
const gone = spawnSync(process.execPath, ['-e', '']).pid;

/** A folder as a process of this machine makes it, with a file in it. */
function folderOf(pid: number, change: (name: string) => string = (name) => name): string {
  const made = makeProcessFolder(prefix, folder.path);
  const name = join(folder.path, change(made.slice(folder.path.length + 1).replace(`-${process.pid}-`, `-${pid}-`)));
  if (name !== made) renameSync(made, name);
  writeFileSync(join(name, 'file'), '');
  return name;
}

/** Whether the folder stays when a process makes another one. */
function stays(path: string): boolean {
  rmSync(makeProcessFolder(prefix, folder.path), { recursive: true });
  return existsSync(path);
}

test('folders of processes that were killed go when another process makes one of its own', () => {
  expect(stays(folderOf(gone))).toBe(false);
  // Another process has the killed one's id, as its start shows.
  const isLinux = existsSync('/proc/self/stat');
  expect(stays(folderOf(process.pid, (name) => name.replace(/-\d+-(\w{6})$/, '-1-$1')))).toBe(!isLinux);
});

test('folders of live processes, other machines and other purposes stay', () => {
  expect(stays(folderOf(process.pid))).toBe(true);
  expect(stays(folderOf(process.ppid, (name) => name.replace(/-\d+-(\w{6})$/, '-0-$1')))).toBe(true);
  expect(stays(folderOf(gone, (name) => name.replace(/sample-\w{8}/, 'sample-01234567')))).toBe(true);
  expect(stays(folderOf(gone, (name) => name.replace('sample', 'other')))).toBe(true);
  const named = join(folder.path, `${prefix}kept`);
  mkdirSync(named);
  expect(stays(named)).toBe(true);
});
