import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../../test/tiny-training';
import { trainingWorkers } from '../../../test/training-workers';
import type { NamedValues } from '../../runtime/state';
import { readCheckpoint } from '../checkpoint';

const workers = trainingWorkers();
afterAll(removeTemporaryFolders);

const start = (name: string, count: number, folder = temporaryFolder()) =>
  workers.start(name, { count, teacher: '', folder });

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

test.each([1, 2, 4])(
  '%i workers train what one process trains, but for rounding',
  async (count) => {
    const expected = await (await start('shared classes', 0)).done();
    const { folder, points } = await (await start('shared classes', count)).done();
    for (const file of ['last.safetensors', 'training.safetensors']) {
      expect(difference(tensorsIn(folder, file), tensorsIn(expected.folder, file))).toBeLessThan(1e-3);
    }
    expect(Object.keys(points).sort()).toEqual(Object.keys(expected.points).sort());
    const [first, before] = [points, expected.points].map((all) => all['step/loss']?.[0]);
    expect(first?.[0]).toBe(before?.[0]);
    expect(first?.[1]).toBeCloseTo(before?.[1] as number, 4);
  },
  120_000,
);

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
  expect(tensorsIn(folder, 'last.safetensors').get('head.weight')?.shape).toEqual([16, 7]);
}, 300_000);
