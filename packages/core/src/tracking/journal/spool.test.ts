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

/** Starts a run that sends nothing, because its address is invalid. */
const start = (name: string): Promise<Tracker> =>
  startTracking({
    package: 'face',
    experiment: 'distill',
    runName: name,
    folder: fileOf(name, ''),
    trackingUri: 'nowhere',
    log: (sentence) => {
      if (sentence.startsWith('MLflow: "nowhere" is not')) return;
      throw new Error(`unexpected warning: ${sentence}`);
    },
  });

/** Sends a run as `tools:sync` does. Returns the contents of artifacts on the server, and the refusals. */
async function send(run: string, ...artifacts: string[]) {
  const sync = journalSync(fileOf(run, 'journal.jsonl'), destinationOf(server.uri));
  await sync.send(AbortSignal.timeout(20_000));
  const mlflow = connect(server.uri);
  const { info } = await getRun(mlflow, sync.state()?.runId ?? '');
  const contents = artifacts.map((path) => text(readArtifact(mlflow, info, path)).catch(() => undefined));
  return { contents: await Promise.all(contents), refused: sync.state()?.refused };
}

const spooled = (run: string): readonly string[] =>
  existsSync(fileOf(run, 'journal.files')) ? readdirSync(fileOf(run, 'journal.files')) : [];

async function eventsOf(run: string): Promise<JournalEvent[]> {
  const events: JournalEvent[] = [];
  for await (const { event } of readJournal(fileOf(run, 'journal.jsonl'))) {
    if (event.type !== 'damaged') events.push(event);
  }
  return events;
}

test('sends a file with the content that it had when it was logged, even if it was replaced or removed since', async () => {
  const tracker = await start('replaced');
  for (const name of ['replaced', 'removed']) {
    write('replaced', `${name}.txt`, 'original');
    tracker.artifact(fileOf('replaced', `${name}.txt`), 'texts');
  }
  // Does not wait for the tracker.
  write('replaced', 'replaced.txt', 'another');
  rmSync(fileOf('replaced', 'removed.txt'));
  tracker.artifact(fileOf('replaced', 'replaced.txt'), 'later');
  await tracker.finish('FINISHED');
  expect(spooled('replaced')).toHaveLength(3);
  const paths = ['texts/replaced.txt', 'texts/removed.txt', 'later/replaced.txt'];
  expect(await send('replaced', ...paths)).toEqual({ contents: ['original', 'original', 'another'], refused: [] });
  // The spool has been removed.
  expect(existsSync(fileOf('replaced', 'journal.files'))).toBe(false);
});

// On Linux, /dev/shm and temporary folders are on different file systems.
(existsSync('/dev/shm') ? test : test.skip)('copies a file that cannot be linked', async () => {
  const elsewhere = mkdtempSync('/dev/shm/headshare-');
  try {
    const journal = fileOf('copied', 'journal.jsonl');
    mkdirSync(fileOf('copied', ''), { recursive: true });
    writeFileSync(join(elsewhere, 'a.txt'), 'abc');
    const { kept: name, sha256 } = await spoolFile(journal, join(elsewhere, 'a.txt'));
    expect(sha256).toMatch(/^ba7816bf8f01cfea.*f20015ad$/);
    expect(readFileSync(fileOf('copied', join('journal.files', name)), 'utf8')).toBe('abc');
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test('spools no file of an incomplete model: a link would keep its checkpoint on disk forever', async () => {
  const warnings: string[] = [];
  const run = { package: 'face', experiment: 'distill', runName: 'half', folder: fileOf('half', '') };
  const tracker = await startTracking({ ...run, trackingUri: 'nowhere', log: (sentence) => warnings.push(sentence) });
  write('half', 'last.safetensors', 'weights');
  const files = [fileOf('half', 'last.safetensors'), fileOf('half', 'gone.json')] as const;
  tracker.model({ name: 'student', kind: 'resnet8', files, inputs: [], outputs: [], params: {}, metrics: {} });
  await tracker.finish('FINISHED');
  expect(warnings.slice(1)).toEqual([expect.stringMatching(/^The student is not logged as a model: ENOENT/)]);
  expect(spooled('half')).toEqual([]);
});

test('a missing file is unreadable; a full disk is a temporary error', () => {
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

test('logs the files of a folder', async () => {
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

test('keeps events in order, and a flush waits for files', async () => {
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

test('a resumed run removes spooled files whose event was lost in a crash', async () => {
  const first = await start('crashed');
  write('crashed', 'a.txt', 'logged');
  first.artifact(fileOf('crashed', 'a.txt'));
  await first.finish('KILLED');
  await spoolFile(fileOf('crashed', 'journal.jsonl'), fileOf('crashed', 'a.txt'));
  expect(spooled('crashed')).toHaveLength(2);
  await (await start('crashed')).finish('FINISHED');
  expect(spooled('crashed')).toHaveLength(1);
});

test('without the spool, sends the file itself if its content is unchanged', async () => {
  const tracker = await start('lost');
  for (const name of ['same.txt', 'replaced.txt']) {
    write('lost', name, 'original');
    tracker.artifact(fileOf('lost', name));
  }
  await tracker.finish('FINISHED');
  rmSync(fileOf('lost', 'journal.files'), { recursive: true });
  write('lost', 'replaced.txt', 'another');
  expect(await send('lost', 'same.txt', 'replaced.txt')).toEqual({
    contents: ['original', undefined],
    refused: ['replaced.txt: it was replaced or removed before it was sent'],
  });
});

test('does not send a file that was written to after logging', async () => {
  const tracker = await start('in place');
  write('in place', 'log.txt', 'one line\n');
  tracker.artifact(fileOf('in place', 'log.txt'));
  await tracker.flush();
  appendFileSync(fileOf('in place', 'log.txt'), 'another\n');
  await tracker.finish('FINISHED');
  expect((await send('in place')).refused).toEqual(['log.txt: it was replaced or removed before it was sent']);
});

test('sends the existing files and folders of journals without digests', async () => {
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
