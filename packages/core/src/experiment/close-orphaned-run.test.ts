import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '../system/lock';
import { closeOrphanedRun } from './close-orphaned-run';

const root = mkdtempSync(join(tmpdir(), 'headshare-left-'));
afterAll(() => rmSync(root, { recursive: true }));

const longAgo = new Date(Date.now() - 2 * 86_400_000);

/** The folder of a run whose journal has only its start. */
function left(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), '{}');
  const start = { time: 1, type: 'start', id: name, experiment: 'headshare/demo', name };
  writeFileSync(join(folder, 'journal.jsonl'), `${JSON.stringify(start)}\n`);
  return folder;
}

const linesIn = (folder: string): readonly string[] =>
  readFileSync(join(folder, 'journal.jsonl'), 'utf8').trim().split('\n');

test('a run without a process is closed as KILLED, once', async () => {
  const folder = left('killed');
  expect(await closeOrphanedRun(folder)).toBe('KILLED');
  expect(await closeOrphanedRun(folder)).toBeUndefined();
  expect(linesIn(folder).slice(1)).toEqual(['{"time":1,"type":"finish","status":"KILLED"}']);
});

test('a run with a suspended process stays open, because the process will continue its journal', async () => {
  const folder = left('suspended');
  const unlock = await lockFolder(folder, () => undefined);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  expect(await closeOrphanedRun(folder)).toBeUndefined();
  await unlock();
  expect(linesIn(folder)).toHaveLength(1);
});

test('a run of another machine is closed after a day without events', async () => {
  const folder = left('elsewhere');
  mkdirSync(`${folder}.lock`);
  utimesSync(`${folder}.lock`, longAgo, longAgo);
  writeFileSync(join(folder, 'holder.lock'), `1 not-${hostname()}`);
  expect(await closeOrphanedRun(folder)).toBeUndefined();
  utimesSync(join(folder, 'journal.jsonl'), longAgo, longAgo);
  expect(await closeOrphanedRun(folder)).toBe('KILLED');
});

test("a folder without a run's configuration is ignored", async () => {
  const folder = left('other');
  rmSync(join(folder, 'config.json'));
  expect(await closeOrphanedRun(folder)).toBeUndefined();
});
