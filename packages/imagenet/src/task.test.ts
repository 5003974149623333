import { imageBytes } from '@headshare/core/data/dataset';
import { writeCifarExample } from '@headshare/core/data/example/cifar-files';
import type { Values } from '@headshare/core/experiment/option';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import type { Task } from '@headshare/core/train/evaluation/task';
import { writeImageNetExample } from './data/example-imagenet';
import { dataOptions } from './options';
import { profiles } from './profiles';
import { imageTask } from './task';

const folder = temporaryFolder();

const options = Object.fromEntries(
  Object.entries(dataOptions).map(([name, option]) => [name, option.default]),
) as Values<typeof dataOptions>;

async function firstImages({ train }: Task, count: number): Promise<Uint8Array> {
  const pixels = new Uint8Array(count * imageBytes(train));
  await train.read(
    Array.from({ length: count }, (_, i) => i),
    pixels,
  );
  return pixels;
}

async function opened<T>(given: Partial<typeof options>, look: (task: Task) => T | Promise<T>): Promise<T> {
  const data = given.dataset === undefined ? undefined : folder.path;
  const task = await imageTask({ ...options, data, ...given });
  try {
    return await look(task);
  } finally {
    await task.close();
  }
}

const counted = (given: Partial<typeof options>) =>
  opened(given, ({ train, selectOn }) => [train.labels.length, selectOn]);

test('a tenth of the training images is held out to choose the best epoch, unless --select-on says otherwise', async () => {
  writeCifarExample(folder.path, 'cifar10', 20);
  const dataset = 'cifar10';
  expect(await counted({ dataset })).toEqual([90, 'held-out']);
  expect(await counted({ dataset, selectOn: 'test' })).toEqual([100, 'test']);
  expect(await counted({ dataset, selectOn: 'last' })).toEqual([100, 'last']);
});

test('images are held out of files, too', async () => {
  await writeImageNetExample(folder.path);
  const files = { dataset: 'imagenet', imageSize: 16 } as const;
  expect(await counted(files)).toEqual([12, 'held-out']);
  expect(await counted({ ...files, selectOn: 'last' })).toEqual([15, 'last']);
});

test('--train-share uses a part of the training images, of which a tenth is held out; the test images stay', async () => {
  writeCifarExample(folder.path, 'cifar10', 20);
  const half = { dataset: 'cifar10', trainShare: 0.5 } as const;
  expect(await counted(half)).toEqual([40, 'held-out']);
  expect(await counted({ ...half, selectOn: 'last' })).toEqual([50, 'last']);
  const used = await opened({ ...half, selectOn: 'last' }, ({ reads }) =>
    reads?.map(({ images }) => images.labels.length),
  );
  expect(used).toEqual([50, 20]);
});

test('a run records its training, held-out and test images and their folder', async () => {
  const read = (given: Partial<typeof options>) =>
    opened(given, ({ reads }) => reads?.map(({ images, use, from }) => [images.labels.length, use, from]));
  writeCifarExample(folder.path, 'cifar10', 20);
  expect(await read({ dataset: 'cifar10' })).toEqual([
    [90, 'training', folder.path],
    [10, 'validation', folder.path],
    [20, 'evaluation', folder.path],
  ]);
  const drawn = { imageSize: 16, classes: 3, imagesPerClass: 4, testImagesPerClass: 1, selectOn: 'last' } as const;
  expect(await read(drawn)).toEqual([
    [12, 'training', undefined],
    [3, 'evaluation', undefined],
  ]);
});

test('synthetic training images do not depend on --select-on', async () => {
  const given = { imageSize: 16, classes: 3, imagesPerClass: 4, testImagesPerClass: 1 };
  expect(await counted(given)).toEqual([12, 'held-out']);
  const [heldOut, last] = [
    await opened(given, (task) => firstImages(task, 12)),
    await opened({ ...given, selectOn: 'last' }, (task) => firstImages(task, 12)),
  ];
  expect(heldOut).toEqual(last);
});

test('profiles of published trainings hold no images out', () => {
  expect([profiles.cifar100.selectOn, profiles.imagenet.selectOn]).toEqual(['last', 'last']);
});

test('--data without the data set that it holds is refused', async () => {
  await expect(imageTask({ ...options, data: folder.path })).rejects.toThrow(
    `--data=${folder.path} has no effect with the synthetic --dataset=shapes: name the data set too`,
  );
});
