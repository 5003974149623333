import { clusterOfProcesses } from '../../test/cluster-processes';
import { expectedSum } from '../../test/cluster-worker';
import { stream } from '../system/random';

const cluster = clusterOfProcesses();
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
  const home = cluster.worker(0, { steps: 250 });
  const leaver = cluster.worker(1, { steps: 250, leaveAfter: 60 });
  await home.line('step', ({ step }) => step === 5);
  const late = cluster.worker(2, { steps: 250 });
  expect(await leaver.line('done')).toMatchObject({ step: 60 });
  expect(await late.line('done')).toEqual(done(250));
  expect(await home.line('done')).toEqual(done(250));
  expect(await leaver.ended).toBe(0);
  // Nobody is lost, so that no collective has to be aborted but those that wait for somebody who is quiet.
  expect(home.lines.filter(({ type }) => type === 'step')).toHaveLength(250);
  expect(late.lines.find(({ type }) => type === 'formed')).toMatchObject({ step: expect.any(Number) });
}, 60_000);

test.each([0, 1])(
  'SIGKILL of worker %d: the others wait for home only, and nobody loses a step',
  async (victim) => {
    await cluster.start({ expected: 3 });
    const workers = [0, 1, 2].map((index) => cluster.worker(index, { steps: 200 }));
    await workers[2]?.line('step', ({ step }) => step === 20);
    workers[victim]?.child.kill('SIGKILL');
    const again = cluster.worker(victim, { steps: 200 });
    for (const worker of [...workers.filter((_, index) => index !== victim), again]) {
      expect(await worker.line('done')).toEqual(done(200));
    }
    if (victim === 0) expect(Number((await again.line('formed')).step)).toBeGreaterThanOrEqual(20);
  },
  60_000,
);

test('a frozen worker is lost, and comes back', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, { steps: 600 });
  const other = cluster.worker(1, { steps: 600 });
  await home.line('step', ({ step }) => step === 10);
  other.child.kill('SIGSTOP');
  await home.line('step', ({ members }) => members === 1);
  other.child.kill('SIGCONT');
  expect(await other.line('done')).toEqual(done(600));
  expect(await home.line('done')).toEqual(done(600));
  expect(home.lines.some(({ members, step }) => members === 2 && Number(step) > 100)).toBe(true);
  expect(cluster.log).toEqual(expect.arrayContaining([expect.stringContaining('is silent'), 'Worker 1 is back.']));
}, 60_000);

test('a worker whose main thread is busy for seconds is not lost', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, { steps: 10 });
  const busy = cluster.worker(1, { steps: 10, block: 4000 });
  expect(await busy.line('done')).toEqual(done(10));
  expect(await home.line('done')).toEqual(done(10));
  expect(home.lines.filter(({ type }) => type === 'formed')).toHaveLength(1);
}, 60_000);

test('20 random kills, and as many replacements, change nothing', async () => {
  await cluster.start({ expected: 3 });
  const steps = 1500;
  const random = stream(1, 'kills');
  const start = (index: number) => ({ index, worker: cluster.worker(index, { steps, pause: 3 }) });
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
  for (const { worker } of alive) expect(await worker.line('done')).toEqual(done(steps));
}, 240_000);
