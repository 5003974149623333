import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  removeTemporaryFolders,
  type TinyRun,
  temporaryFolder,
  tinyNetwork,
  tinyTask,
  trainTiny,
} from '../../../test/tiny-training';
import { imageBytes } from '../../data/dataset';
import { cifar100 } from '../../nn/normalisation';
import { toTorch } from '../../nn/torch-layout';
import { l2Normalise } from '../../runtime/ops/normalise';
import { State } from '../../runtime/state';
import { scoped, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { writeAtomically } from '../../system/write-atomically';
import { exportedWeights, exportNetwork } from '../../weights/export-weights';
import { safetensorsParts } from '../../weights/safetensors';
import { writeTorchFile } from '../../weights/torch/torch-writer';
import { checkpointFiles, type NetworkMetadata, readCheckpoint } from '../checkpoint';
import { importNetwork } from './import-network';
import { loadNetwork, readNetwork } from './load-network';

/** Like the reference's networks: full width and CIFAR-100 normalisation. */
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
  '%s, exported from a network, is imported with its metrics, weights and predictions',
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
    const expected = readCheckpoint<NetworkMetadata>(last);
    for (const checkpoint of [checkpointFiles.last, checkpointFiles.best]) {
      const { tensors, metadata } = readCheckpoint<NetworkMetadata>(join(options.folder, checkpoint));
      expect(metadata).toEqual({ network, epoch: 0, metrics: imported.metrics });
      expect(new Map([...tensors].sort())).toEqual(new Map([...expected.tensors].sort()));
    }
    const predictions = (folder: string) => readCheckpoint(join(folder, 'test-predictions.safetensors')).tensors;
    expect(predictions(options.folder)).toEqual(predictions(original.folder));
  },
);

/** The tiny task with changed properties of its training data. */
const taskOf = (more: { classes?: number; size?: number }) => {
  const task = tinyTask();
  return { ...task, train: { ...task.train, ...more } };
};

test('a network for other classes or image sizes is refused in one sentence, and no file is written', async () => {
  const refuses = async (task: ReturnType<typeof taskOf>, sentence: string) => {
    const options = importing(last, task);
    await expect(importNetwork(options)).rejects.toThrow(new UserError(sentence, 1));
    expect(readdirSync(options.folder)).toEqual([]);
  };
  await refuses(taskOf({ classes: 9 }), `${last} has 4 classes, the data has 9: the teacher needs the same classes.`);
  await refuses(
    taskOf({ size: 32 }),
    `${last} holds a network for images of 16 x 16 pixels; the data's images have 32 x 32 (--image-size).`,
  );
});

test('a file without a classifier needs --allow-missing', async () => {
  const file = join(temporaryFolder(), 'backbone.pth');
  const { description, tensors } = readNetwork(last);
  exportNetwork(file, { description, tensors: new Map([...tensors].filter(([name]) => !name.startsWith('head.'))) });
  await expect(importNetwork(importing(file))).rejects.toThrow(UserError);
  const { network: found } = await importNetwork({ ...importing(file), allowMissing: ['head'] });
  expect(found).toEqual(network);
});

describe('a backbone whose classifier is missing', () => {
  const headless = () => {
    const file = join(temporaryFolder(), 'backbone.pth');
    const { tensors, description } = readNetwork(last);
    const without = new Map([...tensors].filter(([name]) => !name.startsWith('head.')));
    exportNetwork(file, { tensors: without, description });
    return file;
  };

  test('is refused; the error names the options that help', async () => {
    await expect(importNetwork(importing(headless()))).rejects.toThrow(
      /it lacks the classifier fc\.weight \(--teacher-centres=FILE .* --teacher-head-from-data .* --allow-missing=head/,
    );
  });

  test("gets class centres from the training images' embeddings, equal for every batch size", async () => {
    const file = headless();
    const head = { from: 'data', name: 'cosface', scale: 24 } as const;
    const headOf = async (batchSize: number) => {
      const options = { ...importing(file), head, batchSize };
      const { network: imported } = await importNetwork(options);
      expect(imported).toMatchObject({ head: 'cosface', scale: 24, classes: 4 });
      return readNetwork(join(options.folder, checkpointFiles.last)).tensors.get('head.weight');
    };
    const weight = await headOf(4);
    expect(weight?.shape).toEqual([64, 4]);
    const { train } = tinyTask();
    const state = new State();
    const trained = loadNetwork(state, 'net', file, { classes: 4, inputSize: 16, allowMissing: ['head'] });
    const pixels = new Uint8Array(16 * imageBytes(train));
    await train.read(
      Array.from({ length: 16 }, (_, i) => i),
      pixels,
    );
    const sums = scoped(() => {
      const images = tf.tensor4d(Float32Array.from(pixels), [16, 16, 16, 3]);
      const embed = (x: Tensor4D) => trained.embed(x, 'eval').embedding;
      const units = l2Normalise(tf.add(embed(images), embed(tf.reverse(images, 2))));
      const member = tf.oneHot(tf.tensor1d(train.labels, 'int32'), 4).toFloat() as Tensor2D;
      return Array.from(l2Normalise(tf.matMul(units, member, true, false) as Tensor2D, 0).dataSync());
    });
    state.dispose();
    for (const [i, value] of sums.entries()) expect(weight?.values[i]).toBeCloseTo(value, 5);
    const inOtherBatches = await headOf(5);
    for (const [i, value] of sums.entries()) expect(inOtherBatches?.values[i]).toBeCloseTo(value, 5);
  });

  test('gets class centres from a file; a class without images has no centre', async () => {
    const file = headless();
    const weight = readNetwork(last).tensors.get('head.weight');
    if (!weight) throw new Error('It has no head.');
    const centresFile = join(temporaryFolder(), 'centres.safetensors');
    writeAtomically(centresFile, safetensorsParts(new Map([['weight', toTorch(weight)]]), {}));
    const options = { ...importing(file), head: { from: { file: centresFile }, name: 'arcface', scale: 64 } };
    const { network: imported } = await importNetwork(options);
    expect(imported.head).toBe('arcface');
    expect(readNetwork(join(options.folder, checkpointFiles.last)).tensors.get('head.weight')).toEqual(weight);

    const head = { from: 'data', name: 'arcface', scale: 64 } as const;
    await expect(importNetwork({ ...importing(file, taskOf({ classes: 5 })), head })).rejects.toThrow(
      'Class 4 of train has no embeddings to average into a centre: does it have images?',
    );
    await expect(importNetwork({ ...importing(last), head })).rejects.toThrow('is a checkpoint and has its head');
  });

  test("an error about the number of centres names the centres' file", async () => {
    const centresFile = join(temporaryFolder(), 'softmax_fc_gpu_0.safetensors');
    const half = { shape: [2, 64], values: new Float32Array(128).fill(1) };
    writeAtomically(centresFile, safetensorsParts(new Map([['weight', half]]), {}));
    const head = { from: { file: centresFile }, name: 'arcface', scale: 64 };
    await expect(importNetwork({ ...importing(headless()), head })).rejects.toThrow(
      new UserError(
        `${centresFile} has 2 class centres, the data has 4 classes: give a file with one centre a class (insightface writes one file a GPU: torch.cat their weights in order).`,
        1,
      ),
    );
  });
});

describe('a file with a classifier', () => {
  const whole = () => {
    const file = join(temporaryFolder(), 'whole.pth');
    const { tensors, description } = readNetwork(last);
    const own = new Map([...tensors].filter(([name]) => name !== 'head.bias'));
    // Without our description of the head, as other programs write it.
    writeTorchFile(file, exportedWeights({ tensors: own, description }));
    return file;
  };

  test('without a bias gets the given margin head and its scale', async () => {
    const options = { ...importing(whole()), head: { name: 'cosface', scale: 24 } };
    const { network: imported } = await importNetwork(options);
    expect(imported).toMatchObject({ head: 'cosface', scale: 24, classes: 4 });
    const { network: plain } = await importNetwork(importing(whole()));
    expect(plain.head).toBe('linear-no-bias');
    expect(plain.scale).toBeUndefined();
  });

  test('with a bias stays linear, even if a margin head is given', async () => {
    const file = join(temporaryFolder(), 'net.pth');
    exportNetwork(file, readNetwork(last));
    const { network: imported } = await importNetwork({
      ...importing(file),
      head: { name: 'cosface', scale: 24 },
    });
    expect(imported).toEqual(network);
  });

  test('is replaced by centres from the data, even if its classes differ', async () => {
    const head = { from: 'data', name: 'arcface', scale: 64 } as const;
    const options = { ...importing(whole()), head };
    const { network: imported } = await importNetwork(options);
    expect(imported).toMatchObject({ head: 'arcface', scale: 64, classes: 4 });

    const others = join(temporaryFolder(), 'others.pth');
    const { tensors, description } = readNetwork(last);
    const more = new Map([...tensors].filter(([name]) => name !== 'head.bias'));
    more.set('head.weight', { shape: [64, 9], values: new Float32Array(64 * 9) });
    exportNetwork(others, { tensors: more, description: { ...description, classes: 9 } });
    const again = { ...importing(others), head };
    expect((await importNetwork(again)).network.classes).toBe(4);
    const weightsIn = ({ folder }: { folder: string }) => readNetwork(join(folder, checkpointFiles.last)).tensors;
    expect(weightsIn(again).get('head.weight')).toEqual(weightsIn(options).get('head.weight'));
  });
});

test('the error about a file of an unknown format does not call it a checkpoint', async () => {
  const file = join(temporaryFolder(), 'notes.txt');
  writeAtomically(file, [Buffer.from('These are my notes on networks.')]);
  const sentence = `${file} cannot be read as weights: it starts neither as a PyTorch file nor as a safetensors file, and its name does not end in .onnx.`;
  const head = { from: 'data', name: 'arcface', scale: 64 } as const;
  await expect(importNetwork(importing(file))).rejects.toThrow(new UserError(sentence, 1));
  await expect(importNetwork({ ...importing(file), head })).rejects.toThrow(new UserError(sentence, 1));
});
