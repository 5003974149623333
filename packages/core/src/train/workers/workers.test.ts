import { bytesIn, removeTemporaryFolders, temporaryFolder } from '../../../test/tiny-training';
import { caseNames, trainCaseTeacher } from '../../../test/training-cases';
import { trainingWorkers } from '../../../test/training-workers';
import { stream } from '../../system/random';

const workers = trainingWorkers();
let teacher = '';
beforeAll(async () => {
  teacher = await trainCaseTeacher();
});
afterAll(removeTemporaryFolders);

/** What one process makes of a case. Like each worker it computes with one thread: more round otherwise. */
const alone = (name: string) => {
  const known = made.get(name) ?? workers.start(name, { count: 0, teacher }).then((one) => one.done());
  made.set(name, known);
  return known;
};
const made = new Map<string, ReturnType<Awaited<ReturnType<typeof workers.start>>['done']>>();

describe('files and metrics are those of one process', () => {
  test.each(caseNames.filter((name) => !/long|shared/.test(name)))(
    '%s, with 2 workers',
    async (name) => {
      const expected = await alone(name);
      const group = await workers.start(name, { count: 2, teacher });
      const { folder, points, lines } = await group.done();
      expect(points).toEqual(expected.points);
      expect(lines).toEqual(expected.lines);
      expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
    },
    60_000,
  );

  test('with 3 workers, of which two compute one slice and one two', async () => {
    const expected = await alone('th-kd');
    const { folder, points } = await (await workers.start('th-kd', { count: 3, teacher })).done();
    expect(points).toEqual(expected.points);
    expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
  }, 60_000);
});

// HEADSHARE_CHAOS: so many; each costs the start of a process.
const kills = Number(process.env.HEADSHARE_CHAOS ?? 4);

test(`${kills} kills at random, of home and others, leave no trace`, async () => {
  const expected = await alone('long');
  const group = await workers.start('long', { count: 3, teacher });
  const random = stream(7, 'kills');
  for (let kill = 0; kill < kills && !group.isDone(); kill++) {
    await group.steps(1 + random.below(6));
    await group.kill(random.below(3), random.below(3) === 0 ? 'SIGSTOP' : 'SIGKILL');
  }
  const { folder, points } = await group.done();
  expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
  expect(points).toEqual(expected.points);
}, 600_000);

describe('while home is away the others go on', () => {
  test('through kills of home and of whoever has the state, newcomers and a frozen home', async () => {
    const expected = await alone('long epochs');
    const group = await workers.start('long epochs', { count: 2, teacher });
    await group.steps(3);
    group.signal(0, 'SIGKILL');
    // Nobody takes its place before.
    await group.says(1, 'ready', 5);
    group.spawn(2);
    await group.says(2, 'ready');
    group.signal(1, 'SIGKILL');
    await group.says(2, 'ready');
    // Home is lost again while it comes back.
    group.spawn(0);
    await group.says(0, 'joined');
    group.signal(0, 'SIGKILL');
    group.spawn(0);
    await group.reaches(85);
    group.signal(0, 'SIGSTOP');
    await group.says(2, 'ready', 5);
    group.signal(0, 'SIGCONT');
    const { folder, points } = await group.done();
    expect(points).toEqual(expected.points);
    expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
  }, 240_000);

  test('SIGTERM meanwhile ends them, and the training can be resumed', async () => {
    const expected = await alone('long epochs');
    const folder = temporaryFolder();
    const group = await workers.start('long epochs', { count: 2, teacher, folder });
    await group.reaches(85);
    group.signal(0, 'SIGKILL');
    await group.says(1, 'ready', 5);
    await group.stop();
    await (await workers.start('long epochs', { count: 2, teacher, folder })).done();
    expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
  }, 120_000);
});

test('a training can be resumed with another number of workers', async () => {
  const expected = await alone('long');
  const folder = temporaryFolder();
  for (const [count, steps] of [
    [2, 20],
    [1, 20],
    [3, 20],
  ] as const) {
    const group = await workers.start('long', { count, teacher, folder });
    await group.steps(steps);
    await group.stop();
  }
  await (await workers.start('long', { count: 2, teacher, folder })).done();
  expect(bytesIn(folder)).toEqual(bytesIn(expected.folder));
}, 300_000);
