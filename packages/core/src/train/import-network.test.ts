import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cifar100 } from '../nn/normalisation';
import { UserError } from '../runtime/user-error';
import { exportNetwork } from '../weights/export-weights';
import { readCheckpoint } from './checkpoint';
import { importNetwork } from './import-network';
import { readNetwork } from './load-network';
import {
  removeTemporaryFolders,
  type TinyRun,
  temporaryFolder,
  tinyNetwork,
  tinyTask,
  trainTiny,
} from './tiny-training';
import { checkpointFiles, type NetworkMetadata } from './trainer';

/** As the reference's networks are: of full width, with its normalisation. */
const network = { ...tinyNetwork(1), normalisation: cifar100 };
let original: TinyRun;
let last: string;
beforeAll(async () => {
  original = await trainTiny({ role: 'teacher', network, settings: { epochs: 1 } });
  last = join(original.folder, checkpointFiles.last);
});

afterAll(removeTemporaryFolders);

const importing = (file: string, task = tinyTask()) => ({
  file,
  task,
  folder: temporaryFolder(),
  allowMissing: [],
  batchSize: 4,
});

test.each(['net.pth', 'net.pt', 'net.safetensors', 'last.safetensors'])(
  '%s, written of a network, is imported as that network: its metrics, weights and predictions',
  async (name) => {
    const file = name === 'last.safetensors' ? last : join(temporaryFolder(), name);
    if (file !== last) exportNetwork(file, readNetwork(last));
    const options = importing(file);
    const imported = await importNetwork(options);
    expect(imported).toEqual({
      network,
      parameters: original.parameters,
      metrics: Object.fromEntries(Object.keys(imported.metrics).map((key) => [key, original.last[key]])),
      files: ['last.safetensors', 'best.safetensors', 'test-predictions.safetensors'],
    });
    expect(imported.metrics.top1).toBeGreaterThanOrEqual(0);
    expect(readdirSync(options.folder).sort()).toEqual([...imported.files].sort());
    const wanted = readCheckpoint<NetworkMetadata>(last);
    for (const kept of [checkpointFiles.last, checkpointFiles.best]) {
      const { tensors, metadata } = readCheckpoint<NetworkMetadata>(join(options.folder, kept));
      expect(metadata).toEqual({ network, epoch: 0, metrics: imported.metrics });
      expect(new Map([...tensors].sort())).toEqual(new Map([...wanted.tensors].sort()));
    }
    const predictions = (folder: string) => readCheckpoint(join(folder, 'test-predictions.safetensors')).tensors;
    expect(predictions(options.folder)).toEqual(predictions(original.folder));
  },
);

/** A task of the tiny one's images, of which more is told. */
const taskOf = (more: { classes?: number; size?: number }) => {
  const task = tinyTask();
  return { ...task, train: { ...task.train, ...more } };
};

test('a network for other classes or sizes of images is refused in one sentence, and nothing is left', async () => {
  const refuses = async (task: ReturnType<typeof taskOf>, sentence: string) => {
    const options = importing(last, task);
    await expect(importNetwork(options)).rejects.toThrow(new UserError(sentence, 1));
    expect(readdirSync(options.folder)).toEqual([]);
  };
  await refuses(
    taskOf({ classes: 9 }),
    `${last} tells 4 classes apart, the data has 9: a teacher must know the same classes.`,
  );
  await refuses(taskOf({ size: 32 }), `${last} is of a network for images of 16 pixels, the data's have 32.`);
});

test("a file that lacks its classifier's classes asks for them by what may be missing", async () => {
  const file = join(temporaryFolder(), 'backbone.pth');
  const { description, tensors } = readNetwork(last);
  exportNetwork(file, { description, tensors: new Map([...tensors].filter(([name]) => !name.startsWith('head.'))) });
  await expect(importNetwork(importing(file))).rejects.toThrow(UserError);
  const { network: found } = await importNetwork({ ...importing(file), allowMissing: ['head'] });
  expect(found).toEqual(network);
});
