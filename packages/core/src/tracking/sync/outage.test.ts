import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, getMetricHistory, getRun, searchRuns } from 'mlflow-js-client';
import { type MlflowServer, mlflowServer } from '../../../test/mlflow-server';
import { readJournal } from '../journal/journal';
import { startTracking } from '../start-tracking';
import type { Tracker } from '../tracker';
import { destinationOf } from './destination';
import { journalSync } from './journal-sync';

/** The tests run in order: the server is down, starts, is killed during a run, and starts again. */
let server: MlflowServer;

beforeAll(async () => {
  server = await mlflowServer();
});

afterAll(() => server?.remove());

const warnings: string[] = [];
const folderOf = (name: string) => join(server.folder, 'runs', name);
const start = (name: string): Promise<Tracker> =>
  startTracking({
    package: 'face',
    experiment: 'distill',
    runName: name,
    folder: folderOf(name),
    params: { epochs: 3 },
    trackingUri: server.uri,
    log: (sentence) => warnings.push(sentence),
  });

/** Sends a journal as `tools:sync` does. */
const sync = async (name: string) => {
  const journal = journalSync(join(folderOf(name), 'journal.jsonl'), destinationOf(server.uri));
  await journal.send(AbortSignal.timeout(20_000));
  return journal;
};

/** Expects the same points (step, value, time) of `loss` in the journal and on the server. Returns their number. */
const compare = async (name: string, runId: string) => {
  const logged: unknown[] = [];
  for await (const { event } of readJournal(join(folderOf(name), 'journal.jsonl'))) {
    if (event.type === 'metrics') logged.push([event.step, event.values.loss, event.time]);
  }
  const history = await getMetricHistory(connect(server.uri), runId, 'loss');
  expect(history.map(({ step, value, timestamp }) => [step, value, timestamp])).toEqual(logged);
  return logged.length;
};

test('a run without a server continues; its journal is sent later, once', async () => {
  const tracker = await start('before');
  for (let step = 0; step < 50; step++) tracker.metrics({ loss: step }, step);
  const { address, unsent } = await tracker.finish('FINISHED');
  expect(address).toBeUndefined();
  expect(unsent).toMatch(/cannot be reached/);

  await server.start();
  const first = await sync('before');
  expect(await compare('before', first.state()?.runId ?? '')).toBe(50);
  expect(first.state()?.bytes).toBe(statSync(join(folderOf('before'), 'journal.jsonl')).size);
  // Sending again, also without journal.sent.json, does not duplicate any point.
  await sync('before');
  const other = journalSync(join(folderOf('before'), 'journal.jsonl'), { ...destinationOf(server.uri), name: 'other' });
  await other.send(AbortSignal.timeout(20_000));
  expect(other.state()?.runId).toBe(first.state()?.runId);
  expect(await compare('before', first.state()?.runId ?? '')).toBe(50);
  const experimentIds = [first.state()?.experimentId ?? ''];
  expect(await searchRuns(connect(server.uri), { experimentIds })).toHaveLength(1);
}, 90_000);

test('a server killed during a run causes one warning; missing events are sent later, once', async () => {
  warnings.length = 0;
  const tracker = await start('during');
  let step = 0;
  const train = async (steps: number) => {
    for (const end = step + steps; step < end; step++) {
      tracker.metrics({ loss: 1 / (step + 1) }, step);
      await sleep(2);
    }
  };
  await train(200);
  const trainUntil = async (condition: () => boolean) => {
    for (const until = Date.now() + 20_000; !condition(); ) {
      expect(Date.now()).toBeLessThan(until);
      await train(50);
    }
  };
  await trainUntil(() => existsSync(join(folderOf('during'), 'journal.sent.json')));
  server.kill();
  await trainUntil(() => warnings.length > 0);
  await train(1000);
  const { unsent } = await tracker.finish('FINISHED');
  expect(unsent).toContain('cannot be reached');
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`${server.uri} cannot be reached`);

  await server.start();
  const sent = (await sync('during')).state();
  expect(await compare('during', sent?.runId ?? '')).toBe(step);
  expect((await getRun(connect(server.uri), sent?.runId ?? '')).info.status).toBe('FINISHED');
}, 90_000);
