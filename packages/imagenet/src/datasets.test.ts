import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCifarExample } from '@headshare/core/data/example/cifar-files';
import { dataCommand } from '@headshare/core/data-check/data-command';
import type { Values } from '@headshare/core/experiment/option';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import type { Task } from '@headshare/core/train/evaluation/task';
import { dataKinds } from './datasets';
import { dataOptions } from './options';
import { imageTask } from './task';

const folder = temporaryFolder();
const defaults = Object.fromEntries(
  Object.entries(dataOptions).map(([name, option]) => [name, option.default]),
) as Values<typeof dataOptions>;

async function check(...argv: string[]) {
  const lines: string[] = [];
  const exitCode = await dataCommand('imagenet', dataKinds, [`--data=${folder.path}`, ...argv], (line) =>
    lines.push(line),
  );
  return { exitCode, text: lines.join('\n') };
}

async function opened<T>(given: Partial<typeof defaults>, look: (task: Task) => T): Promise<T> {
  const task = await imageTask({ ...defaults, data: folder.path, imageSize: 16, ...given });
  try {
    return look(task);
  } finally {
    await task.close();
  }
}

test("a user's own images come last, because any folder may hold them", () => {
  expect(dataKinds.map(({ name }) => name)).toEqual([
    ...['imagenet', 'cifar10', 'cifar100', 'fashion-mnist', 'tiny-imagenet', 'folder'],
  ]);
});

test.each(dataKinds.map((kind) => [kind.name, kind] as const))(
  'the example of %s is recognised, and training reads what the check counts',
  async (name, kind) => {
    await kind.example(folder.path);
    const { text } = await check();
    expect(text).toContain(`${kind.title} in ${folder.path}`);
    const [, train, test] = /\ntrain +(\d+)[\s\S]*?\ntest +(\d+)/.exec(text) ?? [];
    const count = ({ train, reads = [] }: Task) => [train.labels.length, reads.at(-1)?.images.labels.length];
    expect(await opened({ dataset: name, selectOn: 'last' }, count)).toEqual([Number(train), Number(test)]);
  },
);

test('Tiny ImageNet is read as folders and as ImageNet, too', async () => {
  await dataKinds.find(({ name }) => name === 'tiny-imagenet')?.example(folder.path);
  for (const dataset of ['folder', 'imagenet']) {
    const labels = await opened({ dataset, selectOn: 'last' }, ({ reads = [] }) => [
      ...(reads.at(-1)?.images.labels ?? []),
    ]);
    expect(labels).toEqual([0, 1, 2]);
  }
});

test("other images in CIFAR's layout pass the check, which says what they are", async () => {
  const at = writeCifarExample(folder.path, 'cifar10', 20);
  expect((await check()).exitCode).toBe(1);
  const articles = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Boot'];
  writeFileSync(join(at, 'batches.meta.txt'), `${articles.join('\n')}\n`);
  const { exitCode, text } = await check();
  expect(text).toContain('Other images in the layout of CIFAR-10: the classes are T-shirt/top, Trouser,');
  expect(exitCode).toBe(0);
  expect(await opened({ dataset: 'cifar10' }, ({ notes }) => notes?.[0])).toContain('Other images in the layout');
});

test('options that images in memory do not have are mentioned', async () => {
  writeCifarExample(folder.path, 'cifar10', 20);
  const notes = await opened({ dataset: 'cifar10', imageSize: 64, colorJitter: 0.4 }, ({ notes }) => notes);
  expect(notes).toEqual([
    'The images of cifar10 stay 32 pixels in size: --image-size has no effect.',
    'Images in memory, as of cifar10, are only flipped and cropped at random.',
  ]);
});

test.each([
  ['a class folder', 'cifar-100-python.tar.gz', 'is an archive and not a folder: unpack it (mkdir '],
  ['a list', 'list.txt', 'is a file and not a folder: give the folder, such as '],
])('%s given as the folder ends every check and training in one sentence', async (_, file, sentence) => {
  const data = join(folder.path, file);
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(data, 'x');
  const errors = jest.spyOn(console, 'error').mockImplementation();
  for (const { name } of dataKinds) {
    expect((await check(`--kind=${name}`, `--data=${data}`)).exitCode).toBe(2);
    expect(errors.mock.calls.at(-1)?.[0]).toContain(`--data=${data} ${sentence}`);
    await expect(imageTask({ ...defaults, dataset: name, data })).rejects.toThrow(sentence);
  }
  errors.mockRestore();
});
