import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterOfProcesses, type FakeWorker } from '../../test/cluster-processes';
import { expectedSum } from '../../test/cluster-worker';
import { temporaryFolder } from '../../test/temporary-folder';
import { stream } from '../system/random';

const cluster = clusterOfProcesses();
const folder = temporaryFolder();
/** Workers go on until `finish`. */
const unlimited = () => ({ steps: 0, endsWhen: join(folder.path, 'end') });
const finish = (): void => writeFileSync(join(folder.path, 'end'), '');

/** Waits for the end of workers, who must have come to the same step and the right state. */
async function expectSameState(workers: readonly FakeWorker[]): Promise<number> {
  const lines = await Promise.all(workers.map((worker) => worker.line('done')));
  const step = Number(lines[0]?.step);
  for (const line of lines) expect(line).toEqual(done(step));
  return step;
}

const done = (steps: number) => ({ type: 'done', step: steps, sum: expectedSum(steps), board: expectedSum(steps) });

test('workers that start together are in the first generation, and come to the same state', async () => {
  await cluster.start({ expected: 3 });
  const workers = [0, 1, 2].map((index) => cluster.worker(index, { steps: 20 }));
  for (const worker of workers) {
    expect(await worker.line('done')).toEqual(done(20));
    expect(await worker.ended).toBe(0);
    expect(worker.lines.filter(({ type }) => type === 'formed')).toEqual([{ type: 'formed', generation: 1, step: 0 }]);
  }
});

test('a late worker joins, another leaves, and the others go on', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, unlimited());
  const leaver = cluster.worker(1, { ...unlimited(), leaveAfter: 60 });
  await home.line('step', ({ members }) => members === 2);
  const late = cluster.worker(2, unlimited());
  expect(await leaver.line('done')).toMatchObject({ step: 60, sum: expectedSum(60) });
  const { step } = await late.line('step');
  await late.line('step', (line) => line.members === 2 && Number(line.step) > Math.max(60, Number(step)));
  finish();
  const steps = await expectSameState([home, late]);
  expect(await leaver.ended).toBe(0);
  expect(home.lines.filter(({ type }) => type === 'step')).toHaveLength(steps);
}, 60_000);

test.each([0, 1])(
  'SIGKILL of worker %d: the others go on, home or not, and nobody loses a step',
  async (victim) => {
    await cluster.start({ expected: 3 });
    const workers = [0, 1, 2].map((index) => cluster.worker(index, unlimited()));
    await workers[2]?.line('step', ({ step, members }) => Number(step) > 20 && members === 3);
    workers[victim]?.child.kill('SIGKILL');
    // Nobody takes its place yet.
    await workers[2]?.line('step', ({ step, members }) => Number(step) > 25 && members === 2);
    const again = cluster.worker(victim, unlimited());
    const { step } = await again.line('formed');
    expect(Number(step)).toBeGreaterThan(20);
    finish();
    await expectSameState([...workers.filter((_, index) => index !== victim), again]);
  },
  60_000,
);

test.each([0, 1])(
  'worker %d is frozen, lost, and comes back',
  async (victim) => {
    await cluster.start({ expected: 2 });
    const workers = [cluster.worker(0, unlimited()), cluster.worker(1, unlimited())];
    const [frozen, other] = [workers[victim], workers[1 - victim]] as [FakeWorker, FakeWorker];
    await other.line('step', ({ members }) => members === 2);
    frozen.child.kill('SIGSTOP');
    const alone = await other.line('step', ({ members, step }) => members === 1 && Number(step) > 5);
    frozen.child.kill('SIGCONT');
    await frozen.line('step', ({ members, step }) => members === 2 && Number(step) > Number(alone.step));
    finish();
    await expectSameState(workers);
    expect(cluster.log).toEqual(
      expect.arrayContaining([expect.stringContaining('is silent'), expect.stringMatching(/^Worker \d is back/)]),
    );
  },
  60_000,
);

test('a worker whose main thread is busy for seconds is not lost', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, { steps: 10 });
  const busy = cluster.worker(1, { steps: 10, block: 4000 });
  expect(await busy.line('done')).toEqual(done(10));
  expect(await home.line('done')).toEqual(done(10));
  expect(home.lines.filter(({ type }) => type === 'formed')).toHaveLength(1);
}, 60_000);

test('a worker whose main thread is busy while it connects is not taken for a stranger', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, { steps: 10, blockAtStart: 1500 });
  const busy = cluster.worker(1, { steps: 10, blockAtStart: 1500 });
  expect(await busy.line('done')).toEqual(done(10));
  expect(await home.line('done')).toEqual(done(10));
}, 60_000);

test('20 random kills, and as many replacements, change nothing', async () => {
  await cluster.start({ expected: 3 });
  const random = stream(1, 'kills');
  const start = (index: number) => ({ index, worker: cluster.worker(index, { ...unlimited(), pause: 3 }) });
  const alive = [start(0), start(1), start(2)];
  await alive[0]?.worker.line('formed');
  for (let kill = 0; kill < 20; kill++) {
    const at = Math.floor(random.float() * 3);
    const { index, worker } = alive[at] as (typeof alive)[number];
    // Somebody who has the state must be left.
    const others = alive.filter((one) => one.worker !== worker);
    await Promise.race(others.map((one) => one.worker.line('formed')));
    worker.child.kill('SIGKILL');
    await worker.ended;
    alive[at] = start(index);
    await new Promise((resolve) => setTimeout(resolve, random.float() * 600));
  }
  await Promise.all(alive.map(({ worker }) => worker.line('formed')));
  finish();
  await expectSameState(alive.map(({ worker }) => worker));
}, 240_000);
