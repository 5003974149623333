import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, getRun, readArtifact } from 'mlflow-js-client';
import { serverOfTests } from '../../../test/mlflow-server';
import { writeAtomically } from '../../system/write-atomically';
import { startTracking } from '../start-tracking';
import { destinationOf } from '../sync/destination';
import { journalSync } from '../sync/journal-sync';
import type { Tracker } from '../tracker';
import type { JournalEvent } from './event';
import { encodeEvent } from './event';
import { readJournal } from './journal';
import { isUnreadable, spoolFile } from './spool';

const server = serverOfTests();

const fileOf = (run: string, name: string) => join(server.folder, 'runs', run, name);
const write = (run: string, name: string, content: string) =>
  writeAtomically(fileOf(run, name), [Buffer.from(content)]);

/** A run that sends nothing itself: the address is unusable. */
const start = (name: string): Promise<Tracker> =>
  startTracking({
    package: 'face',
    experiment: 'distill',
    runName: name,
    folder: fileOf(name, ''),
    trackingUri: 'nowhere',
    log: (sentence) => {
      if (sentence.startsWith('MLflow: "nowhere" is not')) return;
      throw new Error(`nothing is to be told here: ${sentence}`);
    },
  });

/** What `tools:sync` does: the run's artifacts on the server by path, and what was not sent. */
async function send(run: string, ...artifacts: string[]) {
  const sync = journalSync(fileOf(run, 'journal.jsonl'), destinationOf(server.uri));
  await sync.send(AbortSignal.timeout(20_000));
  const mlflow = connect(server.uri);
  const { info } = await getRun(mlflow, sync.state()?.runId ?? '');
  const contents = artifacts.map((path) => text(readArtifact(mlflow, info, path)).catch(() => undefined));
  return { contents: await Promise.all(contents), refused: sync.state()?.refused };
}

const keptBy = (run: string): readonly string[] =>
  existsSync(fileOf(run, 'journal.files')) ? readdirSync(fileOf(run, 'journal.files')) : [];

async function eventsOf(run: string): Promise<JournalEvent[]> {
  const events: JournalEvent[] = [];
  for await (const { event } of readJournal(fileOf(run, 'journal.jsonl'))) {
    if (event.type !== 'damaged') events.push(event);
  }
  return events;
}

test('a file that is replaced or removed before it is sent is sent as it was when it was logged', async () => {
  const tracker = await start('replaced');
  for (const name of ['replaced', 'removed']) {
    write('replaced', `${name}.txt`, 'as it was');
    tracker.artifact(fileOf('replaced', `${name}.txt`), 'texts');
  }
  // At once: the caller does not wait.
  write('replaced', 'replaced.txt', 'another');
  rmSync(fileOf('replaced', 'removed.txt'));
  tracker.artifact(fileOf('replaced', 'replaced.txt'), 'later');
  await tracker.finish('FINISHED');
  expect(keptBy('replaced')).toHaveLength(3);
  const paths = ['texts/replaced.txt', 'texts/removed.txt', 'later/replaced.txt'];
  expect(await send('replaced', ...paths)).toEqual({ contents: ['as it was', 'as it was', 'another'], refused: [] });
  // Nothing is kept any longer than that.
  expect(existsSync(fileOf('replaced', 'journal.files'))).toBe(false);
});

// Another file system than that of temporary folders, on Linux.
(existsSync('/dev/shm') ? test : test.skip)('where a file cannot be linked, it is copied', async () => {
  const elsewhere = mkdtempSync('/dev/shm/headshare-');
  try {
    const journal = fileOf('copied', 'journal.jsonl');
    mkdirSync(fileOf('copied', ''), { recursive: true });
    writeFileSync(join(elsewhere, 'a.txt'), 'abc');
    const { kept, sha256 } = await spoolFile(journal, join(elsewhere, 'a.txt'));
    expect(sha256).toMatch(/^ba7816bf8f01cfea.*f20015ad$/);
    expect(readFileSync(fileOf('copied', join('journal.files', kept)), 'utf8')).toBe('abc');
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test('a model that cannot be kept whole keeps nothing: a link would hold its checkpoint on the disk for ever', async () => {
  const told: string[] = [];
  const run = { package: 'face', experiment: 'distill', runName: 'half', folder: fileOf('half', '') };
  const tracker = await startTracking({ ...run, trackingUri: 'nowhere', log: (sentence) => told.push(sentence) });
  write('half', 'last.safetensors', 'weights');
  const files = [fileOf('half', 'last.safetensors'), fileOf('half', 'gone.json')] as const;
  tracker.model({ name: 'student', kind: 'resnet8', files, inputs: [], outputs: [], params: {}, metrics: {} });
  await tracker.finish('FINISHED');
  expect(told.slice(1)).toEqual([expect.stringMatching(/^The student is not logged as a model: ENOENT/)]);
  expect(keptBy('half')).toEqual([]);
});

test('a file that is gone is given up; what passes, as a full disk does, is not', () => {
  const errorOf = (work: () => void): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  expect(isUnreadable(errorOf(() => readFileSync(fileOf('nowhere', 'a.txt'))))).toBe(true);
  expect(isUnreadable(errorOf(() => writeFileSync('/dev/full', 'a')))).toBe(false);
});

test('a folder is its files', async () => {
  const tracker = await start('folder');
  mkdirSync(fileOf('folder', 'report/tables'), { recursive: true });
  write('folder', 'report/roc.svg', '<svg/>');
  write('folder', 'report/tables/all.md', '| |');
  tracker.artifact(fileOf('folder', 'report'), 'about');
  rmSync(fileOf('folder', 'report'), { recursive: true });
  await tracker.finish('FINISHED');
  const { contents, refused } = await send('folder', 'about/report/roc.svg', 'about/report/tables/all.md');
  expect([contents, refused]).toEqual([['<svg/>', '| |'], []]);
});

test('events stay in order, and a flush waits until files are in the journal', async () => {
  const tracker = await start('order');
  write('order', 'large', 'x'.repeat(5_000_000));
  tracker.metrics({ loss: 2 }, 1);
  tracker.artifact(fileOf('order', 'large'));
  tracker.metrics({ loss: 1 }, 2);
  await tracker.flush();
  expect((await eventsOf('order')).map(({ type }) => type)).toEqual([
    'start',
    'tags',
    'metrics',
    'artifact',
    'metrics',
  ]);
  await tracker.finish('FINISHED');
});

test('what was kept for a line that a crash swallowed is removed when the run goes on', async () => {
  const first = await start('crashed');
  write('crashed', 'a.txt', 'logged');
  first.artifact(fileOf('crashed', 'a.txt'));
  await first.finish('KILLED');
  await spoolFile(fileOf('crashed', 'journal.jsonl'), fileOf('crashed', 'a.txt'));
  expect(keptBy('crashed')).toHaveLength(2);
  await (await start('crashed')).finish('FINISHED');
  expect(keptBy('crashed')).toHaveLength(1);
});

test('without what was kept, the file itself is sent if it is the same; one of another content is not', async () => {
  const tracker = await start('lost');
  for (const name of ['same.txt', 'replaced.txt']) {
    write('lost', name, 'as it was');
    tracker.artifact(fileOf('lost', name));
  }
  await tracker.finish('FINISHED');
  rmSync(fileOf('lost', 'journal.files'), { recursive: true });
  write('lost', 'replaced.txt', 'another');
  expect(await send('lost', 'same.txt', 'replaced.txt')).toEqual({
    contents: ['as it was', undefined],
    refused: ['replaced.txt: it was replaced or removed before it was sent'],
  });
});

test('a file that was written in place after it was logged is not sent as something that it was not', async () => {
  const tracker = await start('in place');
  write('in place', 'log.txt', 'one line\n');
  tracker.artifact(fileOf('in place', 'log.txt'));
  await tracker.flush();
  appendFileSync(fileOf('in place', 'log.txt'), 'another\n');
  await tracker.finish('FINISHED');
  expect((await send('in place')).refused).toEqual(['log.txt: it was replaced or removed before it was sent']);
});

test('journals of before files were kept are sent: their files and folders as they are', async () => {
  const events: JournalEvent[] = [
    { time: 1, type: 'start', id: 'old', experiment: 'headshare/face', name: 'old' },
    { time: 2, type: 'artifact', path: 'config.json', folder: '' },
    { time: 3, type: 'artifact', path: 'pictures', folder: 'report' },
    { time: 4, type: 'artifact', path: 'gone.json', folder: '' },
    { time: 5, type: 'finish', status: 'FINISHED' },
  ];
  mkdirSync(fileOf('old', 'pictures'), { recursive: true });
  write('old', 'config.json', '{}');
  write('old', 'pictures/roc.svg', '<svg/>');
  writeFileSync(fileOf('old', 'journal.jsonl'), events.map((event) => `${encodeEvent(event)}\n`).join(''));
  const { contents, refused } = await send('old', 'config.json', 'report/pictures/roc.svg');
  expect(contents).toEqual(['{}', '<svg/>']);
  expect(refused).toEqual([expect.stringMatching(/^gone\.json: ENOENT/)]);
});
