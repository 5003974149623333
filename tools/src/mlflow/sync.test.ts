import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '@headshare/core/system/lock';
import { openJournal } from '@headshare/core/tracking/journal/journal';
import { connect, deleteRun } from 'mlflow-js-client';
import { type Fault, faultyProxy } from '../../../packages/core/test/faulty-proxy';
import { type MlflowServer, mlflowServer } from '../../../packages/core/test/mlflow-server';
import { expectAllOnServer } from '../../../packages/core/test/recorded-run';

let server: MlflowServer;

beforeAll(async () => {
  server = await mlflowServer();
  await server.start();
}, 90_000);

afterAll(() => server?.remove());

/** An unsent journal. `start`: whether it names its run; `artifact`: whether it logged a file; `end`: whether it ended. */
async function unsent(
  name: string,
  points: number,
  { start = true, artifact = false, end = true } = {},
): Promise<string> {
  const folder = join(server.folder, 'runs', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), '{}');
  const file = join(folder, 'journal.jsonl');
  const journal = openJournal(file, (sentence) => {
    throw new Error(sentence);
  });
  if (start) journal.append({ time: 1, type: 'start', id: name, experiment: 'headshare/face', name });
  if (artifact) journal.append({ time: 1, type: 'artifact', path: 'config.json', folder: '' });
  for (let step = 0; step < points; step++) {
    journal.append({ time: 2 + step, type: 'metrics', step, values: { loss: step / 8 } });
  }
  if (end) journal.append({ time: 9, type: 'finish', status: 'FINISHED' });
  await journal.close();
  return file;
}

function start(args: readonly string[], uri = server.uri): ChildProcess {
  const command = ['-r', './packages/core/register.cjs', join(__dirname, 'sync.ts'), ...args];
  const env = { ...process.env, MLFLOW_TRACKING_URI: uri };
  return spawn(process.execPath, command, { env, cwd: join(__dirname, '../../..'), stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcess) {
  const [output, errors] = await Promise.all([child.stdout && text(child.stdout), child.stderr && text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  return { output, errors, code: child.exitCode };
}

const sync = (...args: string[]) => ended(start(args));

test('sends all journals below a folder, also after one that fails', async () => {
  const good = [await unsent('several/a', 20), await unsent('several/c', 30)];
  const bad = await unsent('several/b', 5, { start: false });
  const folder = join(server.folder, 'runs/several');

  const { output, errors, code } = await sync(`--run=${folder}`);
  expect(output).toContain(`${good[0]}: sent to ${server.uri}/#/experiments/`);
  expect(output).toContain('Sent 2 journals.');
  expect(errors).toBe(
    `${bad}: ${bad} does not name its run: its first line is damaged, and the run was not resumed since.\n1 journal could not be sent to the end.\n`,
  );
  expect(code).toBe(1);
  for (const journal of good) await expectAllOnServer(server.uri, journal);

  const again = await sync('--run', join(folder, 'a'));
  expect(again).toEqual({ output: 'Nothing to send: 1 journal complete.\n', errors: '', code: 0 });
});

test('a run whose process has ended is finished if its result exists, else killed', async () => {
  const [killed, finished, alive] = await Promise.all(
    ['killed', 'finished', 'alive'].map((name) => unsent(`gone/${name}`, 3, { end: false })),
  );
  const folderOf = (name: string) => join(server.folder, 'runs/gone', name);
  writeFileSync(
    join(folderOf('finished'), 'result.json'),
    JSON.stringify({ key: '0123456789ab', result: { metrics: {} } }),
  );
  const unlock = await lockFolder(folderOf('alive'), () => undefined);
  const { output, errors, code } = await sync(`--run=${join(server.folder, 'runs/gone')}`);
  await unlock();
  expect([errors, code]).toEqual(['', 0]);
  expect(output).toContain(
    `${killed}: its process has ended, the run is KILLED; run the same command again to resume it`,
  );
  expect(output).toContain(`${finished}: its process has ended, the run is FINISHED`);
  const ends = [killed, finished, alive].map(async (journal) => {
    const { status, end_time } = (await expectAllOnServer(server.uri, journal as string)).info;
    return [status, end_time];
  });
  // When they were last heard of.
  expect(await Promise.all(ends)).toEqual([
    ['KILLED', 4],
    ['FINISHED', 4],
    ['RUNNING', undefined],
  ]);
});

test('files that the server does not take wait, and other journals are still sent', async () => {
  const journals = await Promise.all(['a', 'b'].map((name) => unsent(`no store/${name}`, 3, { artifact: true })));
  const damaged = statSync(journals[0] ?? '').size;
  appendFileSync(journals[0] ?? '', 'no line\n');
  const folder = join(server.folder, 'runs/no store');
  const proxy = await faultyProxy(server.uri);
  const withoutStore = (path: string): Fault | undefined =>
    path.includes('/mlflow-artifacts/') ? { kind: 'answer', status: 403, body: 'not your bucket' } : undefined;
  try {
    proxy.fault = withoutStore;
    const refused = await ended(start([`--run=${folder}`], proxy.uri));
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain(`\n  refused: ${journals[0]}: the line at byte ${damaged} is damaged`);
    for (const journal of journals) {
      expect(refused.errors).toContain(`${journal}: config.json and the files after it wait: ${proxy.uri}/api/2.0/`);
      await expectAllOnServer(server.uri, journal);
    }
    proxy.fault = undefined;
    const { output, errors, code } = await ended(start([`--run=${folder}`], proxy.uri));
    expect([errors, code]).toEqual(['', 0]);
    expect(output).toContain('Sent 2 journals.');
  } finally {
    await proxy.close();
  }
});

test('--restore sends lost runs again, but not those in the bin of the server', async () => {
  const [lost, deleted] = await Promise.all(['lost', 'deleted'].map((name) => unsent(`restored/${name}`, 3)));
  const where = `--run=${join(server.folder, 'runs/restored')}`;
  await sync(where);
  const { info } = await expectAllOnServer(server.uri, lost as string);
  await deleteRun(connect(server.uri), (await expectAllOnServer(server.uri, deleted as string)).info.run_id);
  // As a server with other data has it.
  const sentFile = (lost as string).replace('.jsonl', '.sent.json');
  const sent = readFileSync(sentFile, 'utf8');
  writeFileSync(sentFile, sent.replaceAll(info.run_id, '0'.repeat(32)));

  expect(await sync(where)).toEqual({ output: 'Nothing to send: 2 journals complete.\n', errors: '', code: 0 });
  const { output, errors, code } = await sync(where, '--restore');
  expect([errors, code]).toEqual(['', 0]);
  expect(output).toContain(`${lost}: the server lost this run; sending all of it again\n${lost}: sent to `);
  expect(output).toContain('Sent 1 journal.');
  expect(readFileSync(sentFile, 'utf8')).toBe(sent);
}, 60_000);

test('the next call continues where Ctrl-C stopped the last one', async () => {
  const journal = await unsent('long', 20_000);
  const proxy = await faultyProxy(server.uri);
  let batches = 0;
  proxy.fault = (path) => {
    if (!path.endsWith('/log-batch')) return undefined;
    batches++;
    // Slowly enough that it is not done when it is interrupted.
    return { kind: 'slow', milliseconds: 500 };
  };
  const child = start([`--run=${join(server.folder, 'runs/long')}`], proxy.uri);
  const result = ended(child);
  while (batches < 3 && child.exitCode === null) await sleep(10);
  child.kill('SIGINT');
  const interrupted = {
    output: '',
    errors: 'Interrupted: the next call continues where this one stopped.\n',
    code: 130,
  };
  expect(await result).toEqual(interrupted);
  await proxy.close();

  expect(await sync(`--run=${join(server.folder, 'runs/long')}`)).toMatchObject({ errors: '', code: 0 });
  await expectAllOnServer(server.uri, journal);
}, 90_000);

test('an unreachable server is reported once', async () => {
  await unsent('none/a', 1);
  await unsent('none/b', 1);
  const { output, errors, code } = await ended(
    start([`--run=${join(server.folder, 'runs/none')}`], 'http://127.0.0.1:1'),
  );
  expect([output, code]).toEqual(['', 1]);
  expect(errors).toBe('http://127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1.\n');
});

test.each([
  [['--rum=x'], 'unknown option --rum; did you mean --run?'],
  [['--run'], "--run needs a value: a run's folder"],
  [['--restore=all'], '--restore must be true or false, got all'],
  [['runs/face'], "'runs/face' is not an option: write --name=value"],
  [['--run=/nowhere'], "--run: there is no journal.jsonl in /nowhere; a run's folder is runs/PACKAGE/EXPERIMENT/KEY."],
])('%s is refused', async (args, sentence) => {
  expect(await sync(...args)).toEqual({ output: '', errors: `${sentence}\n`, code: 2 });
});
