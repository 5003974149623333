import { join } from 'node:path';
import { removeTemporaryFolders, stopTiny, tinyMethod, tinySettings, trainTiny } from '../../test/tiny-training';
import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import { checkpointFiles, readCheckpoint } from './checkpoint';
import { checkMixing, isMixing, mixedPixels, packed, requireMixable } from './mixing';
import type { TrainingSettings } from './settings';

afterAll(removeTemporaryFolders);

/** Mixes three images of 2 x 2 pixels and one colour each, and returns their first channel. */
function mixed(mix: Parameters<typeof packed>[0]): number[] {
  return scoped(() => {
    const colours = tf.tensor4d([0, 100, 255], [3, 1, 1, 1]);
    const pixels = tf.tile(colours, [1, 2, 2, 3]) as Tensor4D;
    const { pixels: result } = mixedPixels(pixels, tf.tensor1d(packed(mix)));
    expect(result.shape).toEqual([3, 2, 2, 3]);
    return Array.from(result.slice([0, 0, 0, 0], [3, 2, 2, 1]).dataSync());
  });
}

test('mixup averages with the reversed batch, unrounded', () => {
  const values = mixed({ pixelShare: 0.75, labelShare: 0.75, box: [0, 0, 0, 0] });
  expect(values).toEqual([63.75, 63.75, 63.75, 63.75, 100, 100, 100, 100, 191.25, 191.25, 191.25, 191.25]);
});

test('CutMix takes a box from the reversed batch', () => {
  const values = mixed({ pixelShare: 1, labelShare: 0.5, box: [1, 0, 2, 2] });
  expect(values).toEqual([0, 255, 0, 255, 100, 100, 100, 100, 255, 0, 255, 0]);
});

test('an unmixed batch keeps its bits', () => {
  const values = mixed({ pixelShare: 1, labelShare: 1, box: [0, 0, 0, 0] });
  expect(values).toEqual([0, 0, 0, 0, 100, 100, 100, 100, 255, 255, 255, 255]);
});

const mixing = { mixup: 0.8, cutmix: 1, labelSmoothing: 0.1 };

const weights = (folder: string) => readCheckpoint(join(folder, checkpointFiles.training)).tensors;

test('training with mixing on but no batch mixed gives the bits of training without', async () => {
  const plain = await trainTiny();
  const never = await trainTiny({ settings: { mixup: 1, mixProbability: Number.MIN_VALUE } });
  expect(weights(never.folder)).toEqual(weights(plain.folder));
  const always = await trainTiny({ settings: { mixup: 1 } });
  expect(weights(always.folder)).not.toEqual(weights(plain.folder));
});

test.each([
  ['whole batches', mixing],
  ['micro-batches, each mixed separately', { ...mixing, batchSize: 8, accumulate: 2, epochs: 4 }],
])('a training with mixing resumes to the same bits: %s', async (_, settings) => {
  const whole = await trainTiny({ settings });
  const folder = await stopTiny(3, { settings });
  await trainTiny({ settings, folder });
  expect(weights(folder)).toEqual(weights(whole.folder));
});

test('no tensor is leaked', async () => {
  const before = tf.memory().numTensors;
  for (const eager of [false, true]) await trainTiny({ eager, settings: mixing });
  expect(tf.memory().numTensors).toBe(before);
});

test('methods that need single images are refused, others are not', async () => {
  const refuses = (name: string, sentence: string) =>
    expect(() => requireMixable(tinyMix({ cutmix: 1 }), tinyMethod(name))).toThrow(new UserError(sentence));
  const without = 'leave --mixup and --cutmix out, or choose another method.';
  refuses('crd', `crd remembers the embedding of every training image, and a mixed image is none of them: ${without}`);
  refuses('dkd', `dkd needs one class for each image, and a mixed image has two: ${without}`);
  requireMixable(tinyMix({ cutmix: 1 }), tinyMethod('l2e-th-kd'));
  requireMixable(tinyMix({}), tinyMethod('crd'));
  const run = trainTiny({ settings: mixing, distillation: { teacher: 'nowhere', method: tinyMethod('crd') } });
  await expect(run).rejects.toThrow('crd remembers the embedding of every training image');
});

const tinyMix = (changed: Partial<TrainingSettings>): TrainingSettings => ({ ...tinySettings, ...changed });

test('settings without effect, or for an odd batch, are refused', () => {
  const refuses = (changed: Partial<TrainingSettings>, sentence: string) =>
    expect(() => checkMixing(tinyMix(changed))).toThrow(sentence);
  refuses({ mixProbability: 0.5 }, '--mix-probability 0.5 has no effect without --mixup or --cutmix');
  refuses({ mixSwitchProbability: 0.1, mixup: 1 }, '--mix-switch-probability 0.1 chooses between mixup and CutMix');
  refuses({ mixup: 1, batchSize: 5 }, '--batchSize 5 must be even');
  refuses({ mixup: 1, batchSize: 12, accumulate: 4 }, 'a micro-batch (3 images) must be even');
  checkMixing(tinyMix({ mixup: 1, mixProbability: 0.5 }));
  checkMixing(tinyMix({ mixup: 1, cutmix: 1, mixSwitchProbability: 0 }));
  checkMixing(tinyMix({ batchSize: 5 }));
  expect([isMixing(tinyMix({})), isMixing(tinyMix({ mixup: 0.1 })), isMixing(tinyMix({ cutmix: 1 }))]).toEqual([
    false,
    true,
    true,
  ]);
});
