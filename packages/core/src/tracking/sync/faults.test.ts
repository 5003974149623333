import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listArtifacts, readArtifact } from 'mlflow-js-client';
import { type Fault, type FaultyProxy, faultyProxy } from '../../../test/faulty-proxy';
import { type MlflowServer, mlflowServer } from '../../../test/mlflow-server';
import { expectAllOnServer } from '../../../test/recorded-run';
import { writeAtomically } from '../../system/write-atomically';
import { startTracking } from '../start-tracking';
import type { Tracker } from '../tracker';
import { destinationOf } from './destination';
import { journalSync } from './journal-sync';

/** A real server behind a proxy that simulates network faults. */
let server: MlflowServer;
let proxy: FaultyProxy;
const environment = { ...process.env };

beforeAll(async () => {
  server = await mlflowServer();
  await server.start();
  proxy = await faultyProxy(server.uri);
  process.env.MLFLOW_HTTP_REQUEST_MAX_RETRIES = '1';
}, 90_000);

afterAll(async () => {
  process.env = environment;
  await proxy?.close();
  server?.remove();
});

const folderOf = (name: string) => join(server.folder, 'runs', name);
const journalOf = (name: string) => join(folderOf(name), 'journal.jsonl');

/** Starts a run whose warnings go to `warnings`. */
const start = (name: string, trackingUri: string, warnings: string[] = []): Promise<Tracker> =>
  startTracking({
    package: 'face',
    experiment: 'distill',
    runName: name,
    folder: folderOf(name),
    params: { epochs: 3 },
    trackingUri,
    log: (sentence) => warnings.push(sentence),
  });

/** Writes a file into the run's folder and logs it. */
function logFile(tracker: Tracker, name: string, file: string, content: string): void {
  writeAtomically(join(folderOf(name), file), [content]);
  tracker.artifact(join(folderOf(name), file));
}

/** Logs a run through the proxy until `noticed` returns true. Returns the warnings and the result of `finish`. */
async function runThrough(name: string, noticed: (warnings: readonly string[]) => boolean) {
  const warnings: string[] = [];
  const tracker = await start(name, proxy.uri, warnings);
  for (let step = 0; step < 40; step++) tracker.metrics({ loss: 1 / (step + 1), accuracy: step / 40 }, step);
  await tracker.flush();
  const until = Date.now() + 20_000;
  while (!noticed(warnings) && Date.now() < until) {
    await sleep(20);
  }
  const ended = await tracker.finish('FINISHED');
  return { warnings, ...ended };
}

/** Sends a journal as `tools:sync` does. */
const sync = (name: string) => journalSync(journalOf(name), destinationOf(proxy.uri)).send(AbortSignal.timeout(20_000));

const answer = (status: number, body: string, headers = {}): Fault => ({ kind: 'answer', status, body, headers });

const credentials = 'MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, right?';

const faults: readonly (readonly [string, Fault, string])[] = [
  ['429', answer(429, 'slow down'), 'answered 429: slow down'],
  ['429 that asks for a second', answer(429, 'slow down', { 'retry-after': '1' }), 'answered 429: slow down'],
  ['429 that asks for an hour', answer(429, 'slow down', { 'retry-after': '3600' }), 'answered 429: slow down'],
  ['500', answer(500, 'oops'), 'answered 500: oops'],
  ['503', answer(503, 'starting'), 'answered 503: starting'],
  ['connections cut midway', { kind: 'cut midway' }, 'cannot be reached: aborted'],
  ['late answers', { kind: 'slow', milliseconds: 1500 }, 'did not answer within 1 s'],
  ['401', answer(401, 'who are you?'), `requires credentials: who are you? (are ${credentials})`],
  ['403', answer(403, 'not you'), `is forbidden: not you (are ${credentials})`],
];

test.each(faults)(
  '%s: the run continues and warns once; everything is sent later, once',
  async (name, fault, sentence) => {
    proxy.fault = () => fault;
    // The timeout is short only for this fault, because a busy machine may be slow, too.
    if (fault.kind === 'slow') process.env.MLFLOW_HTTP_REQUEST_TIMEOUT = '1';
    const { warnings, unsent } = await runThrough(name, ({ length }) => length > 0);
    delete process.env.MLFLOW_HTTP_REQUEST_TIMEOUT;
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(sentence);
    expect(warnings[0]).toMatch(/^MLflow: .*\. The run continues, and its journal keeps everything\.$/);
    expect(unsent?.endsWith(sentence)).toBe(true);

    proxy.fault = undefined;
    await sync(name);
    await expectAllOnServer(server.uri, journalOf(name));
  },
);

test('a short 429 with Retry-After goes unnoticed', async () => {
  let left = 1;
  proxy.fault = () => (left-- > 0 ? answer(429, 'slow down', { 'retry-after': '1' }) : undefined);
  const { warnings, unsent, note } = await runThrough('a moment', () => left < 0);
  expect([warnings, unsent, note]).toEqual([[], undefined, undefined]);
  await expectAllOnServer(server.uri, journalOf('a moment'));
});

test('a failing artifact store blocks only files, which follow later in order', async () => {
  proxy.fault = (path) => (path.includes('/mlflow-artifacts/') ? answer(500, 'no such bucket') : undefined);
  const warnings: string[] = [];
  const tracker = await start('no store', proxy.uri, warnings);
  logFile(tracker, 'no store', 'report.md', 'first');
  tracker.metrics({ loss: 1 }, 1);
  logFile(tracker, 'no store', 'report.md', 'second');
  logFile(tracker, 'no store', 'config.json', '{}');
  tracker.metrics({ loss: 0.5 }, 2);
  const { unsent } = await tracker.finish('FINISHED');
  const waits = `report.md and the files after it wait: ${proxy.uri}/api/2.0/mlflow-artifacts/artifacts/`;
  expect(unsent?.startsWith(waits)).toBe(true);
  expect(unsent).toMatch(/answered 500: no such bucket$/);
  for (const sentence of warnings) expect(sentence).toContain(waits);
  expect(warnings.length).toBeLessThan(2);

  const { info } = await expectAllOnServer(server.uri, journalOf('no store'));
  expect(info.status).toBe('FINISHED');
  const mlflow = connect(server.uri);
  expect(await listArtifacts(mlflow, info.run_id)).toEqual([]);
  await expect(sync('no store')).rejects.toMatchObject({ code: 'FILES_WAIT' });

  proxy.fault = undefined;
  await sync('no store');
  expect((await listArtifacts(mlflow, info.run_id)).map(({ path }) => path)).toEqual(['config.json', 'report.md']);
  expect(await text(readArtifact(mlflow, info, 'report.md'))).toBe('second');
  expect(existsSync(join(folderOf('no store'), 'journal.files'))).toBe(false);
});

test("a hanging artifact store does not block the run's end", async () => {
  const tracker = await start('hangs', 'databricks');
  logFile(tracker, 'hangs', 'config.json', '{}');
  tracker.metrics({ loss: 1 }, 1);
  await tracker.finish('FINISHED');
  // Aborts like `finish` at its end.
  const patience = new AbortController();
  proxy.fault = (path) => {
    if (path.includes('/mlflow-artifacts/')) patience.abort();
    return undefined;
  };
  const journal = journalSync(journalOf('hangs'), destinationOf(proxy.uri));
  await expect(journal.send(patience.signal)).rejects.toThrow('aborted');
  expect((await expectAllOnServer(server.uri, journalOf('hangs'))).info.status).toBe('FINISHED');

  proxy.fault = undefined;
  await sync('hangs');
  const { info } = await expectAllOnServer(server.uri, journalOf('hangs'));
  expect((await listArtifacts(connect(server.uri), info.run_id)).map(({ path }) => path)).toEqual(['config.json']);
});

test('a file that was sent but not recorded as sent is not reported missing', async () => {
  const folder = folderOf('not recorded');
  const tracker = await start('not recorded', 'databricks');
  logFile(tracker, 'not recorded', 'report.md', 'first');
  await tracker.finish('FINISHED');
  writeAtomically(join(folder, 'report.md'), ['second']);
  const journal = journalSync(journalOf('not recorded'), destinationOf(proxy.uri));
  // A folder in the way makes writing the sync state fail once the file is being sent.
  const inTheWay = join(folder, `journal.sent.json.${process.pid}.tmp`);
  proxy.fault = (path) => {
    if (path.includes('/mlflow-artifacts/')) mkdirSync(inTheWay, { recursive: true });
    return undefined;
  };
  await expect(journal.send(AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: 'EISDIR' });
  proxy.fault = undefined;
  rmdirSync(inTheWay);
  await journal.send(AbortSignal.timeout(20_000));
  expect(journal.state()?.refused).toEqual([]);
  expect(existsSync(join(folder, 'journal.files'))).toBe(false);
  const { info } = await expectAllOnServer(server.uri, journalOf('not recorded'));
  expect(await text(readArtifact(connect(server.uri), info, 'report.md'))).toBe('first');
});

test('lost answers do not duplicate any data', async () => {
  const lost = new Set<string>();
  // Loses the first answer of every endpoint.
  proxy.fault = (path) => {
    if (lost.has(path)) return undefined;
    lost.add(path);
    return { kind: 'lost answer' };
  };
  await runThrough('lost', ({ length }) => length > 0);
  await sync('lost');
  expect([...lost]).toEqual(
    expect.arrayContaining(['runs/create', 'runs/log-batch', 'runs/update'].map((call) => `/api/2.0/mlflow/${call}`)),
  );
  await expectAllOnServer(server.uri, journalOf('lost'));
});
