import { execFile, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect, deleteRun, fromKeyValues, getMetricHistory, getRun, MlflowError, restoreRun } from 'mlflow-js-client';
import { mlflowPython, serverOfTests } from '../../../test/mlflow-server';
import type { JournalEvent } from '../journal/event';
import { encodeEvent } from '../journal/event';
import { startTracking } from '../start-tracking';
import { destinationOf } from './destination';
import { type JournalSync, journalSync } from './journal-sync';
import { refusals } from './sync-state';

const server = serverOfTests();

const folderOf = (name: string) => join(server.folder, 'runs', name);
const journalOf = (name: string) => join(folderOf(name), 'journal.jsonl');
const lines = (...events: object[]) => events.map((event) => `${encodeEvent(event as JournalEvent)}\n`).join('');
const loss = (step: number) => ({ time: 10 + step, type: 'metrics', step, values: { loss: 1 / step } });

/** Writes a journal with one step. */
function startJournal(name: string): JournalSync {
  mkdirSync(folderOf(name), { recursive: true });
  writeFileSync(
    journalOf(name),
    lines({ time: 1, type: 'start', id: name, experiment: 'headshare/face', name }, loss(1)),
  );
  return journalSync(journalOf(name), destinationOf(server.uri));
}

const send = (sync: JournalSync) => sync.send(AbortSignal.timeout(40_000));
const runIdOf = (sync: JournalSync) => sync.state()?.runId ?? '';

async function stepsOf(sync: JournalSync): Promise<readonly number[]> {
  const history = await getMetricHistory(connect(server.uri), runIdOf(sync), 'loss');
  return history.map(({ step }) => step);
}

test('a deleted run is reported as deleted for all kinds of events, and continues once restored', async () => {
  const sync = startJournal('deleted');
  await send(sync);
  const mlflow = connect(server.uri);
  await deleteRun(mlflow, runIdOf(sync));
  const deleted = {
    code: 'RUN_DELETED',
    message:
      'the run deleted was deleted in MLflow: restore it to send the rest, or delete it for good to send the whole run again',
  };
  // Sends to a known run, to a run that is searched for, and without a sync state.
  appendFileSync(journalOf('deleted'), lines(loss(2)));
  await expect(send(sync)).rejects.toMatchObject(deleted);
  await expect(send(sync)).rejects.toMatchObject(deleted);
  const other = journalSync(journalOf('deleted'), { ...destinationOf(server.uri), name: 'other' });
  await expect(send(other)).rejects.toMatchObject(deleted);
  expect(sync.state()?.refused).toEqual([]);

  await restoreRun(mlflow, runIdOf(sync));
  await send(sync);
  expect(await stepsOf(sync)).toEqual([1, 2]);
  await deleteRun(mlflow, runIdOf(sync));
  appendFileSync(journalOf('deleted'), lines({ time: 99, type: 'finish', status: 'FINISHED' }));
  await expect(send(sync)).rejects.toMatchObject(deleted);
  await restoreRun(mlflow, runIdOf(sync));
  await send(sync);
  expect((await getRun(mlflow, runIdOf(sync))).info).toMatchObject({ status: 'FINISHED', end_time: 99 });
});

test('a run that was deleted for good is sent again completely', async () => {
  const sync = startJournal('deleted for good');
  await send(sync);
  const before = runIdOf(sync);
  await deleteRun(connect(server.uri), before);
  const store = ['--backend-store-uri', `sqlite:///${join(server.folder, 'mlflow.db')}`];
  const artifacts = ['--artifacts-destination', join(server.folder, 'artifacts')];
  const env = { ...process.env, MLFLOW_TRACKING_URI: server.uri };
  await promisify(execFile)(mlflowPython(), ['-m', 'mlflow', 'gc', ...store, ...artifacts, '--run-ids', before], {
    env,
  });
  appendFileSync(journalOf('deleted for good'), lines(loss(2)));
  // The first attempt may still know the deleted run.
  await send(sync).catch((error: unknown) => expect(error).toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' }));
  await send(sync);
  expect(runIdOf(sync)).not.toBe(before);
  expect(await stepsOf(sync)).toEqual([1, 2]);
}, 60_000);

test('a journal that another process sends elsewhere still reaches this server', async () => {
  const sync = startJournal('elsewhere');
  await send(sync);
  await send(journalSync(journalOf('elsewhere'), { ...destinationOf(server.uri), name: 'elsewhere' }));
  appendFileSync(journalOf('elsewhere'), lines(loss(2)));
  await send(sync);
  expect(sync.state()).toMatchObject({ destination: server.uri, bytes: statSync(journalOf('elsewhere')).size });
  expect(await stepsOf(sync)).toEqual([1, 2]);
});

test('a run that is deleted while it runs warns once and continues', async () => {
  const warnings: string[] = [];
  const tracker = await startTracking({
    package: 'face',
    experiment: 'distill',
    runName: 'under way',
    folder: folderOf('under way'),
    trackingUri: server.uri,
    log: (sentence) => warnings.push(sentence),
  });
  const sync = journalSync(journalOf('under way'), destinationOf(server.uri));
  for (const until = Date.now() + 10_000; runIdOf(sync) === '' && Date.now() < until; await sleep(100)) {
    await send(sync);
  }
  await deleteRun(connect(server.uri), runIdOf(sync));
  let step = 0;
  for (const until = Date.now() + 30_000; warnings.length === 0 && Date.now() < until; await sleep(100)) {
    tracker.metrics({ loss: 1 / ++step }, step);
  }
  tracker.metrics({ loss: 1 / ++step }, step);
  const { unsent } = await tracker.finish('FINISHED');
  expect(warnings).toEqual([expect.stringMatching(/^MLflow: the run under way was deleted in MLflow: /)]);
  expect(unsent).toMatch(/^the run under way was deleted in MLflow: /);
}, 60_000);

test('takes over the lock of a killed sender at once', async () => {
  const sync = startJournal('killed');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  mkdirSync(`${journalOf('killed')}.lock`);
  writeFileSync(`${journalOf('killed')}.holder.lock`, `${pid} ${hostname()}`);
  await send(sync);
  expect(await stepsOf(sync)).toEqual([1]);
  expect(readdirSync(folderOf('killed')).sort()).toEqual(['journal.jsonl', 'journal.sent.json']);
});

test('concurrent senders of one journal take turns', async () => {
  const syncs = [startJournal('turns'), startJournal('turns'), startJournal('turns')];
  await Promise.all(syncs.map(send));
  expect(new Set(syncs.map(runIdOf)).size).toBe(1);
  expect(await stepsOf(syncs[0] as JournalSync)).toEqual([1]);
});

test('a line of a newer version is reported, and all other events arrive', async () => {
  const sync = startJournal('later version');
  const offset = statSync(journalOf('later version')).size;
  appendFileSync(journalOf('later version'), lines({ time: 2, type: 'trace', spans: [] }, loss(2)));
  await send(sync);
  expect(await stepsOf(sync)).toEqual([1, 2]);
  expect(sync.state()?.refused).toEqual([
    `${journalOf('later version')}: the line at byte ${offset} is damaged or from a newer version, and was skipped`,
  ]);
});

test('a refused dataset is reported, and all other events arrive', async () => {
  const sync = startJournal('long digest');
  const dataset = {
    name: 'faces',
    digest: 'd'.repeat(37),
    context: 'training',
    source: { drawnBy: 'face' },
    features: [],
    profile: {},
  };
  appendFileSync(journalOf('long digest'), lines({ time: 2, type: 'dataset', dataset }, loss(2)));
  await send(sync);
  expect(await stepsOf(sync)).toEqual([1, 2]);
  expect(sync.state()?.refused).toEqual(['the digest of dataset "faces" has 37 characters; MLflow allows 36']);
});

test('many refusals are reported as the first ones and a count', async () => {
  const sync = startJournal('refused');
  const wrong = Array.from({ length: 150 }, (_, i) => ({
    time: 20,
    type: 'metrics',
    step: i + 0.5,
    values: { loss: 1 },
  }));
  appendFileSync(journalOf('refused'), lines(...wrong, loss(2)));
  await send(sync);
  expect(await stepsOf(sync)).toEqual([1, 2]);
  const warnings = refusals(sync.state());
  expect(warnings[0]).toBe('metric "loss" has step 0.5, not an integer');
  expect(warnings.slice(99)).toEqual(['metric "loss" has step 99.5, not an integer', 'and 50 more']);
}, 60_000);

test('a run continues after a power cut removed lines that had been sent', async () => {
  const sync = startJournal('power cut');
  const durable = statSync(journalOf('power cut')).size;
  appendFileSync(journalOf('power cut'), lines(loss(2), loss(3), loss(4)));
  await send(sync);
  truncateSync(journalOf('power cut'), durable);
  const run = { package: 'face', experiment: 'distill', runName: 'power cut', folder: folderOf('power cut') };
  const tracker = await startTracking({ ...run, trackingUri: server.uri });
  for (const step of [5, 6]) tracker.metrics({ loss: 1 / step }, step);
  expect(Object.keys(await tracker.finish('FINISHED'))).toEqual(['address']);
  expect(await stepsOf(sync)).toEqual([1, 2, 3, 4, 5, 6]);
  const { info, data } = await getRun(connect(server.uri), runIdOf(sync));
  expect(info.status).toBe('FINISHED');
  expect(fromKeyValues(data.tags)).toMatchObject({ 'mlflow.source.name': 'face:distill' });
});

test('a journal with a damaged first line is sent once its run was resumed', async () => {
  mkdirSync(folderOf('beheaded'), { recursive: true });
  writeFileSync(journalOf('beheaded'), `\0\0\0\n${lines(loss(1))}`);
  const run = { package: 'face', experiment: 'distill', runName: 'beheaded', folder: folderOf('beheaded') };
  const tracker = await startTracking({ ...run, trackingUri: server.uri });
  tracker.metrics({ loss: 1 / 2 }, 2);
  const { note } = await tracker.finish('FINISHED');
  expect(note).toMatch(/^MLflow did not accept everything: .*: the line at byte 0 is damaged or from a newer version/);
  expect(await stepsOf(journalSync(journalOf('beheaded'), destinationOf(server.uri)))).toEqual([1, 2]);
});

test('a journal that does not name its run is refused', async () => {
  mkdirSync(folderOf('headless'), { recursive: true });
  writeFileSync(journalOf('headless'), lines(loss(1)));
  const error = await send(journalSync(journalOf('headless'), destinationOf(server.uri))).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(MlflowError);
  expect(error).toMatchObject({
    message: `${journalOf('headless')} does not name its run: its first line is damaged, and the run was not resumed since`,
  });
});
