import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type FakeWorker, type Line, watched } from '../../test/cluster-processes';
import { expectedSum, type FakeWorkerSettings } from '../../test/cluster-worker';
import { temporaryFolder } from '../../test/temporary-folder';
import { freePort } from './addresses';
import { isTensorFlowLine, startWorker, type WorkerEnd } from './worker-child';
import { scratchVariable } from './worker-process';

const folder = temporaryFolder();
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

interface Options {
  readonly workers?: number;
  readonly patience?: number;
  readonly join?: string;
  readonly listen?: string;
  readonly isFinished?: boolean;
}

function start(
  options: Options,
  settings: FakeWorkerSettings,
  environment: NodeJS.ProcessEnv = {},
  name = 'a',
): FakeWorker {
  const words = [join(folder.path, name), JSON.stringify(options), JSON.stringify(settings)];
  const child = spawn(
    process.execPath,
    ['-r', join(__dirname, '../../register.cjs'), join(__dirname, '../../test/cluster-launcher.ts'), ...words],
    {
      cwd: join(__dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder.path, HEADSHARE_THREADS: '1', ...environment },
    },
  );
  children.add(child);
  return watched(child);
}

/** Workers go on until `finish`. */
const unlimited = () => ({ steps: 0, endsWhen: join(folder.path, 'end') });
const finish = (): void => writeFileSync(join(folder.path, 'end'), '');
/** The steps at which workers ended, from their last lines; their state must be right. */
const sameEnd = (...lines: readonly (Line | undefined)[]): void => {
  for (const line of lines)
    expect(line).toMatchObject({ type: 'done', step: lines[0]?.step, sum: expectedSum(Number(line?.step)) });
};

const texts = ({ lines }: FakeWorker): readonly unknown[] =>
  lines.flatMap(({ type, text }) => (type === 'text' ? [text] : []));
const output = (file: string): readonly Line[] =>
  (existsSync(join(folder.path, file)) ? readFileSync(join(folder.path, file), 'utf8') : '')
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const pids = async (launcher: FakeWorker, files: readonly string[]): Promise<readonly number[]> => {
  const home = await launcher.line('joined');
  while (!files.every((file) => output(file).length > 0)) await new Promise((resolve) => setTimeout(resolve, 50));
  return [home, ...files.map((file) => output(file)[0] as Line)].map(({ pid }) => Number(pid));
};
/** Polls, since a killed launcher tells nothing. */
const gone = async (list: readonly number[]): Promise<void> => {
  while (list.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 50));
};
/** Waits until a second process of this worker trains. */
async function joinedAgain(launcher: FakeWorker, index: number): Promise<void> {
  const lines = (): readonly Line[] =>
    (index === 0 ? launcher.lines : output('a/worker-1.log')).filter(
      ({ type }) => type === 'joined' || type === 'step',
    );
  while (lines().filter(({ type }) => type === 'joined').length < 2 || lines().at(-1)?.members !== 2) {
    if (launcher.child.exitCode !== null) throw new Error(`the launcher has ended: ${texts(launcher).join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const token = { HEADSHARE_CLUSTER_TOKEN: 'a secret of the tests' };

test("two workers: the output of home is the launcher's, and the other's lies in a file", async () => {
  const launcher = start({}, { steps: 20 });
  expect(await launcher.ended).toBe(0);
  expect(await launcher.line('done')).toMatchObject({ step: 20, sum: expectedSum(20) });
  expect(launcher.lines.filter(({ type }) => type === 'joined')).toHaveLength(1);
  expect(texts(launcher)).toEqual([]);
  expect(output('a/worker-1.log').at(-1)).toMatchObject({ type: 'done', sum: expectedSum(20) });
});

test.each([0, 1])(
  'worker %d is replaced when it is killed',
  async (index) => {
    const fails = { index, after: 15, signal: 'SIGKILL', once: join(folder.path, 'failed') } as const;
    const launcher = start({}, { ...unlimited(), fails });
    await joinedAgain(launcher, index);
    finish();
    expect(await launcher.ended).toBe(0);
    const name = index === 0 ? 'The home worker' : 'Worker 1';
    expect(texts(launcher)).toEqual(
      expect.arrayContaining([`${name} ended (SIGKILL); a new process takes its place.`]),
    );
    sameEnd(await launcher.line('done'), output('a/worker-1.log').at(-1));
  },
  60_000,
);

test('a home worker that stays frozen is replaced', async () => {
  const launcher = start({ patience: 1 }, unlimited());
  await launcher.line('step', ({ step, members }) => members === 2 && Number(step) > 5);
  const [home] = await pids(launcher, ['a/worker-1.log']);
  process.kill(home as number, 'SIGSTOP');
  await joinedAgain(launcher, 0);
  finish();
  expect(await launcher.ended).toBe(0);
  sameEnd(await launcher.line('done'), output('a/worker-1.log').at(-1));
}, 60_000);

test('a worker that asks for a replacement gets one without a word', async () => {
  const fails = { index: 1, after: 15, code: 75, once: join(folder.path, 'failed') };
  const launcher = start({}, { ...unlimited(), fails });
  await joinedAgain(launcher, 1);
  finish();
  expect(await launcher.ended).toBe(0);
  sameEnd(await launcher.line('done'), output('a/worker-1.log').at(-1));
  expect(texts(launcher)).toEqual([]);
}, 60_000);

test("a killed launcher's temporary folder goes with the next one", async () => {
  const left = () => readdirSync(folder.path).filter((name) => name.startsWith('headshare-workers-'));
  const killed = start({}, unlimited());
  const workers = await pids(killed, ['a/worker-1.log']);
  expect(left()).toHaveLength(1);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await gone(workers);
  expect(left()).toHaveLength(1);
  finish();
  expect(await start({}, { steps: 5 }, {}, 'b').ended).toBe(0);
  expect(left()).toEqual([]);
}, 60_000);

test('a worker that ends by a sentence ends all', async () => {
  const launcher = start({}, { steps: 100_000, fails: { index: 1, after: 5, code: 1, sentence: 'The disk is full.' } });
  expect(await launcher.ended).toBe(1);
  expect(texts(launcher)).toEqual(['Worker 1 cannot go on: The disk is full.']);
  expect(launcher.lines.at(-1)).toMatchObject({ type: 'stopped' });
}, 60_000);

test("home's failure is the launcher's", async () => {
  const launcher = start({}, { steps: 100_000, fails: { index: 0, after: 5, code: 2, sentence: 'The disk is full.' } });
  expect(await launcher.ended).toBe(2);
  expect(texts(launcher)).toEqual(['The disk is full.']);
}, 60_000);

test('five deaths without a step end all, with the end of the output', async () => {
  const launcher = start({}, { steps: 100_000, fails: { index: 1, code: 3 } });
  expect(await launcher.ended).toBe(1);
  const file = join(folder.path, 'a/worker-1.log');
  expect(texts(launcher).slice(-7)).toEqual([
    'Worker 1 ended 5 times in a row without training a step (exit code 3).',
    `The end of ${file}:`,
    ...Array.from({ length: 5 }, () => 'worker 1 fails'),
  ]);
}, 60_000);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends all after a step with exit code %d',
  async (signal, code) => {
    const launcher = start({ workers: 3 }, { steps: 100_000 });
    await launcher.line('step', ({ step, members }) => members === 3 && Number(step) > 5);
    const all = await pids(launcher, ['a/worker-1.log', 'a/worker-2.log']);
    launcher.child.kill(signal);
    expect(await launcher.ended).toBe(code);
    expect(texts(launcher)).toEqual(['Stopping after this step; Ctrl-C again stops at once.']);
    expect(all.filter(isAlive)).toEqual([]);
    expect(launcher.lines.at(-1)).toMatchObject({ type: 'stopped' });
  },
  60_000,
);

test('SIGKILL of the launcher ends its workers', async () => {
  const launcher = start({}, { steps: 100_000 });
  await launcher.line('step', ({ members }) => members === 2);
  const all = await pids(launcher, ['a/worker-1.log']);
  launcher.child.kill('SIGKILL');
  await gone(all);
}, 60_000);

test('two machines: the second joins, shows its first worker, ends with the first, and counts from 1', async () => {
  const port = await freePort('127.0.0.1');
  const first = start({ workers: 1, listen: `127.0.0.1:${port}` }, unlimited(), token);
  const second = start({ workers: 2, join: `127.0.0.1:${port}` }, unlimited(), token, 'b');
  await first.line('step', ({ members }) => members === 3);
  finish();
  expect(await first.ended).toBe(0);
  expect(await second.ended).toBe(0);
  expect(texts(first)).toEqual([`Other machines join with --join=127.0.0.1:${port}.`]);
  expect(texts(second)).toEqual([`Joins the coordinator at 127.0.0.1:${port} (--join).`, 'The run is finished.']);
  sameEnd(await first.line('done'), await second.line('done'), output('b/worker-2.log').at(-1));
  expect(existsSync(join(folder.path, 'b/home.log'))).toBe(false);
}, 60_000);

test('a machine that joins a finished run says so and exits with 0', async () => {
  const port = await freePort('127.0.0.1');
  const late = start({ join: `127.0.0.1:${port}`, isFinished: true }, { steps: 1 }, token);
  expect(await late.ended).toBe(0);
  expect(texts(late).at(-1)).toBe('The run is finished: there is nothing left to help with.');
}, 60_000);

test("a killed worker's temporary files are removed", async () => {
  const scratch = join(folder.path, 'scratch');
  const place = { index: 1, folder: folder.path, scratch, isShown: false };
  const script = `require('fs').writeFileSync(process.env.${scratchVariable} + '/file', ''); process.kill(process.pid, 'SIGKILL');`;
  const end = await new Promise<WorkerEnd>((resolve) => {
    startWorker(place, { command: process.execPath, args: ['-e', script] }, resolve);
  });
  expect([end.signal, existsSync(scratch)]).toEqual(['SIGKILL', false]);
});

test('another token, other parts, no token and a port that is taken are one sentence', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  const takenPort = typeof address === 'object' && address ? address.port : 0;
  const port = await freePort('127.0.0.1');
  const listen = `127.0.0.1:${port}`;
  const first = start({ workers: 1, listen }, { steps: 100_000 }, token);
  await first.line('step');
  const cases: readonly [Options, NodeJS.ProcessEnv, number, string][] = [
    [
      { join: listen },
      { HEADSHARE_CLUSTER_TOKEN: 'another secret here' },
      1,
      `The coordinator at ${listen} refuses this worker: HEADSHARE_CLUSTER_TOKEN must be the same on all machines, and a run of headshare must listen there.`,
    ],
    [
      { join: listen },
      {},
      2,
      'Workers on several machines need the same secret of at least 16 characters in HEADSHARE_CLUSTER_TOKEN on each of them (--join).',
    ],
    [
      { listen: `127.0.0.1:${takenPort}` },
      token,
      1,
      `The coordinator cannot listen on 127.0.0.1:${takenPort} (EADDRINUSE).`,
    ],
    [
      { join: listen, workers: 1 },
      token,
      1,
      "Worker 1 cannot go on: This worker cannot take part in training: the part 'data' differs from the home worker's (b instead of a).",
    ],
  ];
  for (const [i, [options, environment, code, sentence]] of cases.entries()) {
    const other = start(options, { steps: 100_000, parts: { data: 'b' } }, environment, `other-${i}`);
    expect([await other.ended, texts(other).at(-1)]).toEqual([code, sentence]);
  }
  taken.close();
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(143);
}, 60_000);

test('local workers listen on loopback alone', async () => {
  const { status } = spawnSync('ss', ['-V']);
  if (status !== 0) {
    console.log('skipped: the program ss is missing');
    return;
  }
  const launcher = start({ workers: 1 }, { steps: 100_000 });
  await launcher.line('step');
  const { stdout } = spawnSync('ss', ['-ltnpH'], { encoding: 'utf8' });
  const mine = stdout.split('\n').filter((line) => line.includes(`pid=${launcher.child.pid},`));
  expect(mine.map((line) => line.split(/\s+/)[3])).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  launcher.child.kill('SIGTERM');
  await launcher.ended;
}, 60_000);

test.each([
  ['E0000 00:00:1764622800.123456   12345 collective_ops.cc:12] aborted', true],
  ['2026-12-01 21:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow', true],
  ['2026-12-01 21:00:00.123456: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:467] Unable', true],
  ['WARNING: All log messages before absl::InitializeLog() is called are written to STDERR', true],
  ['Error: something failed', false],
  ['E is for effort', false],
  [
    "The error could be from a previous operation. Restart your program to reset. [type.googleapis.com/tensorflow.DerivedStatus='']",
    true,
  ],
  ['Additional GRPC error information from remote target /job:worker/task:1 while calling /Recv:', true],
  [':{"created":"@1580815300.123","description":"Error received from peer"}', true],
  ['The error could be yours.', false],
])('%j is a line of TensorFlow: %j', (line, expected) => {
  expect(isTensorFlowLine(line)).toBe(expected);
});
