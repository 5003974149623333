import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../../test/tiny-training';
import { trainCaseTeacher } from '../../../test/training-cases';
import { trainingWorkers } from '../../../test/training-workers';
import type { NamedValues } from '../../runtime/state';
import { readCheckpoint } from '../checkpoint';

const workers = trainingWorkers();
afterAll(removeTemporaryFolders);

const start = (name: string, count: number, folder = temporaryFolder(), teacher = '') =>
  workers.start(name, { count, teacher, folder });

const tensorsIn = (folder: string, file: string) => readCheckpoint(join(folder, file)).tensors;

/** Tensors of the same names and shapes; returns the largest difference, as a share of the largest value. */
function difference(
  some: ReadonlyMap<string, NamedValues>,
  others: ReadonlyMap<string, NamedValues>,
  wanted = /./,
): number {
  expect([...some].map(([name, { shape }]) => [name, shape])).toEqual(
    [...others].map(([name, { shape }]) => [name, shape]),
  );
  let [largest, most] = [0, 0];
  for (const [name, { values }] of some) {
    if (!wanted.test(name)) continue;
    const expected = others.get(name)?.values as Float32Array;
    for (const [i, value] of values.entries()) {
      most = Math.max(most, Math.abs(value - (expected[i] as number)));
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return most / largest;
}

type Trained = Pick<Awaited<ReturnType<Awaited<ReturnType<typeof start>>['done']>>, 'folder' | 'points'>;

/** The same files and metrics, but for rounding; heads are compared with their teachers in one process alone. */
function expectSameTraining({ folder, points }: Trained, expected: Trained, { isResumed = false } = {}): void {
  for (const file of ['last.safetensors', 'training.safetensors']) {
    expect(difference(tensorsIn(folder, file), tensorsIn(expected.folder, file))).toBeLessThan(1e-3);
  }
  const wanted = Object.keys(expected.points).filter((name) => !name.startsWith('head/'));
  expect(Object.keys(points).sort()).toEqual(wanted.sort());
  const [some, others] = [points, expected.points].map((all) => all['step/loss'] ?? []);
  const at = isResumed ? -1 : 0;
  expect(some?.at(at)?.[0]).toBe(others?.at(at)?.[0]);
  expect(some?.at(at)?.[1]).toBeCloseTo(others?.at(at)?.[1] as number, 4);
}

describe('a training', () => {
  let expected: Trained;
  beforeAll(async () => {
    expected = await (await start('shared classes', 0)).done();
  }, 60_000);

  test.each([1, 2, 4])(
    'of %i workers gives what one process gives, but for rounding',
    async (count) => expectSameTraining(await (await start('shared classes', count)).done(), expected),
    120_000,
  );
});

test('distillation gives what one process gives, also when it is resumed', async () => {
  const teacher = await trainCaseTeacher(true);
  const expected = await (await start('distilled shared classes', 0, undefined, teacher)).done();
  const folder = temporaryFolder();
  const first = await start('distilled shared classes', 2, folder, teacher);
  await first.steps(4);
  await first.stop();
  const second = await (await start('distilled shared classes', 2, folder, teacher)).done();
  expectSameTraining({ folder, points: second.points }, expected, { isResumed: true });
  expect(Object.keys(expected.points)).toEqual(
    expect.arrayContaining(['step/ce', 'step/kd', 'step/l2e', 'step/th-kd']),
  );
}, 300_000);

test('a training is resumed with another number of workers, and survives kills', async () => {
  const expected = await (await start('long shared classes', 0)).done();
  const folder = temporaryFolder();
  const first = await start('long shared classes', 2, folder);
  await first.steps(10);
  await first.stop();
  const group = await start('long shared classes', 4, folder);
  for (const index of [3, 0]) {
    await group.steps(5);
    await group.kill(index, 'SIGKILL');
  }
  const { points } = await group.done();
  const [last, before] = [points, expected.points].map((all) => all['step/loss']?.at(-1));
  expect(last?.[0]).toBe(before?.[0]);
  expect(last?.[1]).toBeCloseTo(before?.[1] as number, 2);
  expect(tensorsIn(folder, 'last.safetensors').get('head.weight')?.shape).toEqual([16, 7]);
}, 300_000);
