import { execFile, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect, deleteRun, fromKeyValues, getMetricHistory, getRun, MlflowError, restoreRun } from 'mlflow-js-client';
import { mlflowPython, serverOfTests } from '../../../test/mlflow-server';
import type { JournalEvent } from '../journal/event';
import { encodeEvent } from '../journal/event-line';
import { startTracking } from '../start-tracking';
import { destinationOf } from './destination';
import { type Replay, replayJournal } from './journal-sync';
import { refusals } from './sync-state';

const server = serverOfTests();

const folderOf = (name: string) => join(server.folder, 'runs', name);
const journalOf = (name: string) => join(folderOf(name), 'journal.jsonl');
const lines = (...events: object[]) => events.map((event) => `${encodeEvent(event as JournalEvent)}\n`).join('');
const loss = (step: number) => ({ time: 10 + step, type: 'metrics', step, values: { loss: 1 / step } });

/** A journal with one step in it. */
function begin(name: string): Replay {
  mkdirSync(folderOf(name), { recursive: true });
  writeFileSync(
    journalOf(name),
    lines({ time: 1, type: 'start', id: name, experiment: 'headshare/face', name }, loss(1)),
  );
  return replayJournal(journalOf(name), destinationOf(server.uri));
}

const pass = (replay: Replay) => replay.pass(AbortSignal.timeout(20_000));
const runIdOf = (replay: Replay) => replay.sent()?.runId ?? '';

async function stepsOf(replay: Replay): Promise<readonly number[]> {
  const history = await getMetricHistory(connect(server.uri), runIdOf(replay), 'loss');
  return history.map(({ step }) => step);
}

test('a run that was deleted on the server is said to be, whatever it is that cannot be sent; restored, it goes on', async () => {
  const replay = begin('deleted');
  await pass(replay);
  const mlflow = connect(server.uri);
  await deleteRun(mlflow, runIdOf(replay));
  const deleted = {
    code: 'RUN_DELETED',
    message:
      'the run deleted was deleted there: its rest is sent once it is restored, and all of it once it is deleted for good',
  };
  // While it was known; looked up; by a process that knows nothing of what was sent; and in the middle of its end.
  appendFileSync(journalOf('deleted'), lines(loss(2)));
  await expect(pass(replay)).rejects.toMatchObject(deleted);
  await expect(pass(replay)).rejects.toMatchObject(deleted);
  const anew = replayJournal(journalOf('deleted'), { ...destinationOf(server.uri), name: 'anew' });
  await expect(pass(anew)).rejects.toMatchObject(deleted);
  expect(replay.sent()?.refused).toEqual([]);

  await restoreRun(mlflow, runIdOf(replay));
  await pass(replay);
  expect(await stepsOf(replay)).toEqual([1, 2]);
  await deleteRun(mlflow, runIdOf(replay));
  appendFileSync(journalOf('deleted'), lines({ time: 99, type: 'finish', status: 'FINISHED' }));
  await expect(pass(replay)).rejects.toMatchObject(deleted);
  await restoreRun(mlflow, runIdOf(replay));
  await pass(replay);
  expect((await getRun(mlflow, runIdOf(replay))).info).toMatchObject({ status: 'FINISHED', end_time: 99 });
});

test('a run that was deleted for good is sent anew, all of it', async () => {
  const replay = begin('deleted for good');
  await pass(replay);
  const before = runIdOf(replay);
  await deleteRun(connect(server.uri), before);
  const store = ['--backend-store-uri', `sqlite:///${join(server.folder, 'mlflow.db')}`];
  const artifacts = ['--artifacts-destination', join(server.folder, 'artifacts')];
  const env = { ...process.env, MLFLOW_TRACKING_URI: server.uri };
  await promisify(execFile)(mlflowPython(), ['-m', 'mlflow', 'gc', ...store, ...artifacts, '--run-ids', before], {
    env,
  });
  appendFileSync(journalOf('deleted for good'), lines(loss(2)));
  // The first attempt may still take the run for existing.
  await pass(replay).catch((error: unknown) => expect(error).toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' }));
  await pass(replay);
  expect(runIdOf(replay)).not.toBe(before);
  expect(await stepsOf(replay)).toEqual([1, 2]);
}, 60_000);

test('a run that is sent elsewhere while it is under way is sent on to its own server, all of it', async () => {
  const replay = begin('elsewhere');
  await pass(replay);
  await pass(replayJournal(journalOf('elsewhere'), { ...destinationOf(server.uri), name: 'elsewhere' }));
  appendFileSync(journalOf('elsewhere'), lines(loss(2)));
  await pass(replay);
  expect(replay.sent()).toMatchObject({ destination: server.uri, bytes: statSync(journalOf('elsewhere')).size });
  expect(await stepsOf(replay)).toEqual([1, 2]);
});

test('a run that is deleted while it is under way says so once, and goes on', async () => {
  const told: string[] = [];
  const tracker = await startTracking({
    package: 'face',
    experiment: 'distill',
    runName: 'under way',
    folder: folderOf('under way'),
    trackingUri: server.uri,
    log: (sentence) => told.push(sentence),
  });
  const replay = replayJournal(journalOf('under way'), destinationOf(server.uri));
  for (const until = Date.now() + 10_000; runIdOf(replay) === '' && Date.now() < until; await sleep(100)) {
    await pass(replay);
  }
  await deleteRun(connect(server.uri), runIdOf(replay));
  let step = 0;
  for (const until = Date.now() + 30_000; told.length === 0 && Date.now() < until; await sleep(100)) {
    tracker.metrics({ loss: 1 / ++step }, step);
  }
  tracker.metrics({ loss: 1 / ++step }, step);
  const { unsent } = await tracker.finish('FINISHED');
  expect(told).toEqual([expect.stringMatching(/^MLflow: the run under way was deleted there: /)]);
  expect(unsent).toMatch(/^the run under way was deleted there: /);
}, 60_000);

test('the lock of a sender that was killed is taken over at once', async () => {
  const replay = begin('killed');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  mkdirSync(`${journalOf('killed')}.lock`);
  writeFileSync(`${journalOf('killed')}.holder.lock`, `${pid} ${hostname()}`);
  await pass(replay);
  expect(await stepsOf(replay)).toEqual([1]);
  expect(readdirSync(folderOf('killed')).sort()).toEqual(['journal.jsonl', 'journal.sent.json']);
});

test('several who send one journal at once take turns', async () => {
  const replays = [begin('turns'), begin('turns'), begin('turns')];
  await Promise.all(replays.map(pass));
  expect(new Set(replays.map(runIdOf)).size).toBe(1);
  expect(await stepsOf(replays[0] as Replay)).toEqual([1]);
});

test('a line of a later version is told, and what else there is arrives', async () => {
  const replay = begin('later version');
  const place = statSync(journalOf('later version')).size;
  appendFileSync(journalOf('later version'), lines({ time: 2, type: 'trace', spans: [] }, loss(2)));
  await pass(replay);
  expect(await stepsOf(replay)).toEqual([1, 2]);
  expect(replay.sent()?.refused).toEqual([
    `${journalOf('later version')}: the line at byte ${place} is damaged or of a later version, and left out`,
  ]);
});

test('a data set that MLflow does not take is told, and what else there is arrives', async () => {
  const replay = begin('long digest');
  const dataset = {
    name: 'faces',
    digest: 'd'.repeat(37),
    context: 'training',
    source: { drawnBy: 'face' },
    features: [],
    profile: {},
  };
  appendFileSync(journalOf('long digest'), lines({ time: 2, type: 'dataset', dataset }, loss(2)));
  await pass(replay);
  expect(await stepsOf(replay)).toEqual([1, 2]);
  expect(replay.sent()?.refused).toEqual(['the digest of dataset "faces" has 37 characters, and MLflow takes 36']);
});

test('of what is refused without end the beginning is told, and how much more there is', async () => {
  const replay = begin('refused');
  const wrong = Array.from({ length: 150 }, (_, i) => ({
    time: 20,
    type: 'metrics',
    step: i + 0.5,
    values: { loss: 1 },
  }));
  appendFileSync(journalOf('refused'), lines(...wrong, loss(2)));
  await pass(replay);
  expect(await stepsOf(replay)).toEqual([1, 2]);
  const told = refusals(replay.sent());
  expect(told[0]).toBe('metric "loss" has step 0.5, not an integer');
  expect(told.slice(99)).toEqual(['metric "loss" has step 99.5, not an integer', 'and 50 more']);
}, 60_000);

test('a run goes on being sent after a power cut took lines that had been sent', async () => {
  const replay = begin('power cut');
  const durable = statSync(journalOf('power cut')).size;
  appendFileSync(journalOf('power cut'), lines(loss(2), loss(3), loss(4)));
  await pass(replay);
  truncateSync(journalOf('power cut'), durable);
  const run = { package: 'face', experiment: 'distill', runName: 'power cut', folder: folderOf('power cut') };
  const tracker = await startTracking({ ...run, trackingUri: server.uri });
  for (const step of [5, 6]) tracker.metrics({ loss: 1 / step }, step);
  expect(Object.keys(await tracker.finish('FINISHED'))).toEqual(['address']);
  expect(await stepsOf(replay)).toEqual([1, 2, 3, 4, 5, 6]);
  const { info, data } = await getRun(connect(server.uri), runIdOf(replay));
  expect(info.status).toBe('FINISHED');
  expect(fromKeyValues(data.tags)).toMatchObject({ 'mlflow.source.name': 'face:distill' });
});

test('a journal whose beginning is damaged is sent when its run has gone on, and said so anew', async () => {
  mkdirSync(folderOf('beheaded'), { recursive: true });
  writeFileSync(journalOf('beheaded'), `\0\0\0\n${lines(loss(1))}`);
  const run = { package: 'face', experiment: 'distill', runName: 'beheaded', folder: folderOf('beheaded') };
  const tracker = await startTracking({ ...run, trackingUri: server.uri });
  tracker.metrics({ loss: 1 / 2 }, 2);
  const { note } = await tracker.finish('FINISHED');
  expect(note).toMatch(/^MLflow did not take everything: .*: the line at byte 0 is damaged or of a later version/);
  expect(await stepsOf(replayJournal(journalOf('beheaded'), destinationOf(server.uri)))).toEqual([1, 2]);
});

test('a journal that does not say which run it is of is refused', async () => {
  mkdirSync(folderOf('headless'), { recursive: true });
  writeFileSync(journalOf('headless'), lines(loss(1)));
  const error = await pass(replayJournal(journalOf('headless'), destinationOf(server.uri))).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(MlflowError);
  expect(error).toMatchObject({
    message: `${journalOf('headless')} does not say which run it is of: its beginning is damaged, and the run has not gone on since`,
  });
});
