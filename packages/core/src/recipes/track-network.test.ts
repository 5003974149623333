import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, tinyImages, trainTiny } from '../../test/tiny-training';
import { noOpTracker } from '../tracking/tracker';
import { classificationTask } from '../train/evaluation/classification-task';
import { trackData, trackNetwork } from './track-network';

afterAll(removeTemporaryFolders);

const task = classificationTask({
  train: tinyImages('train', 16),
  heldOut: tinyImages('held out', 4),
  test: tinyImages('test', 6),
  from: '/data/tiny',
});

/** A tracker that keeps its data sets and models. */
function recorder() {
  const datasets: object[] = [];
  const models: object[] = [];
  const tracker = {
    ...noOpTracker,
    id: 'recorded',
    dataset: (dataset: object) => datasets.push(dataset),
    model: (model: object) => models.push(model),
  };
  return { tracker, datasets, models };
}

test('all images that a task reads are data sets, with their use', () => {
  const { tracker, datasets } = recorder();
  trackData({ tracker }, task);
  expect(datasets).toMatchObject([
    { name: 'train', context: 'training', profile: { num_rows: 16, num_classes: 4, image_size: 16 } },
    { name: 'held out', context: 'validation', profile: { num_rows: 4 } },
    { name: 'test', context: 'evaluation', profile: { num_rows: 6 } },
  ]);
  expect(datasets[0]).toMatchObject({
    from: '/data/tiny',
    features: [{ name: 'pixels', dtype: 'uint8', shape: [-1, 16, 16, 3] }],
    targets: [{ name: 'label', dtype: 'int32', shape: [-1] }],
  });
});

test('the digest of a data set depends on its images: the same in every run', () => {
  const digestOf = (images: number) => {
    const { tracker, datasets } = recorder();
    trackData({ tracker }, { ...task, reads: [{ images: tinyImages('train', images), use: 'training' }] });
    return Reflect.get(datasets[0] ?? {}, 'digest');
  };
  expect(digestOf(16)).toMatch(/^[0-9a-f]{16}$/);
  expect(digestOf(16)).toBe(digestOf(16));
  expect(digestOf(16)).not.toBe(digestOf(17));
});

test('the only data set of a task without `reads` is its training set', () => {
  const { tracker, datasets } = recorder();
  const { reads: _, ...silent } = task;
  trackData({ tracker }, silent);
  expect(datasets).toMatchObject([{ name: 'train', context: 'training' }]);
});

test('a finished network is a model: its last checkpoint, inputs, outputs and an example image', async () => {
  const { folder, last: metrics, parameters } = await trainTiny({ settings: { epochs: 1 } });
  const { tracker, models } = recorder();
  await trackNetwork({ tracker, folder, log: () => undefined }, task, { role: 'student', parameters, metrics });
  expect(models).toMatchObject([
    {
      name: 'student',
      kind: 'resnet8',
      files: [join(folder, 'last.safetensors'), join(folder, 'network.onnx')],
      servable: 'network.onnx',
      inputs: [{ name: 'image', dtype: 'uint8', shape: [-1, 16, 16, 3] }],
      outputs: [
        { name: 'logits', dtype: 'float32', shape: [-1, 4] },
        { name: 'probabilities', dtype: 'float32', shape: [-1, 4] },
      ],
      params: { backbone: 'resnet8', width: 0.25, classes: 4, parameters },
      metrics,
    },
  ]);
  const [example] = Reflect.get(models[0] ?? {}, 'inputExample').image;
  const image = new Uint8Array(16 * 16 * 3);
  await task.train.read([0], image);
  expect(example.flat(2)).toEqual([...image]);
  expect([example.length, example[0].length, example[0][0].length]).toEqual([16, 16, 3]);
});

test('an unreadable network only logs a line', async () => {
  const { tracker, models } = recorder();
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  await trackNetwork({ tracker, folder: '/nowhere', log }, task, { role: 'student', parameters: 1, metrics: {} });
  expect(models).toEqual([]);
  expect(lines).toEqual([
    expect.stringMatching(
      /^The student is not among MLflow's models: The checkpoint \/nowhere\/last\.safetensors cannot/,
    ),
  ]);
});

test('a run that is not recorded writes no model', async () => {
  const { folder, last: metrics, parameters } = await trainTiny({ settings: { epochs: 1 } });
  await trackNetwork({ tracker: noOpTracker, folder, log: () => undefined }, task, {
    role: 'student',
    parameters,
    metrics,
  });
  expect(readdirSync(folder)).not.toContain('network.onnx');
});
