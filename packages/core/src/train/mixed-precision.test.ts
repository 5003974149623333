import { join } from 'node:path';
import { removeTemporaryFolders, tinyNetwork, trainTiny } from '../../test/tiny-training';
import { singleMethod } from '../distill/combine-methods';
import { methods } from '../distill/registry';
import { type Precision, requireEffect } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { checkpointFiles, readCheckpoint } from './checkpoint';
import type { TrainingSettings } from './settings';

/** Whether this processor and this build of TensorFlow support bfloat16. */
let supported = false;
let teacher: string;
beforeAll(async () => {
  supported = await requireEffect('bfloat16').then(
    () => true,
    () => false,
  );
  const { folder } = await trainTiny({ role: 'teacher', network: tinyNetwork(0.5), settings: { seed: 7 } });
  teacher = join(folder, checkpointFiles.last);
});

afterAll(removeTemporaryFolders);

async function lossesIn(precision: Precision, settings: Partial<TrainingSettings>) {
  const { tracked, folder } = await trainTiny({
    precision,
    distillation: { teacher, method: singleMethod(methods.named('th-kd')) },
    settings: { epochs: 3, clipNorm: 0, ...settings },
  });
  const losses = tracked.flatMap(({ values }) => values['step/loss'] ?? []);
  return { losses, tensors: readCheckpoint(join(folder, checkpointFiles.training)).tensors };
}

test.each([
  ['whole batches', {}, 12],
  ['micro-batches', { batchSize: 8, accumulate: 2 }, 6],
])('losses in bfloat16 are within three percent of float32: %s', async (_, settings, steps) => {
  if (!supported) return;
  const [plain, mixed] = [await lossesIn('float32', settings), await lossesIn('bfloat16', settings)];
  expect(mixed.losses).toHaveLength(steps);
  for (const [i, loss] of plain.losses.entries()) {
    expect(mixed.losses[i]).not.toBe(loss);
    expect(Math.abs((mixed.losses[i] ?? Number.NaN) / loss - 1)).toBeLessThan(0.03);
  }
  // Weights and momenta have more bits than bfloat16's upper sixteen.
  for (const name of ['conv1.weight', 'head.weight'].flatMap((one) => [`student/${one}`, `momentum/student/${one}`])) {
    const { values } = mixed.tensors.get(name) ?? { values: new Float32Array() };
    const lower = new Uint32Array(values.buffer, values.byteOffset, values.length).filter((bits) => bits & 0xffff);
    expect(lower.length).toBeGreaterThan(0.9 * values.length);
  }
});

test('a precision that the device lacks, or that eager steps cannot use, is refused', async () => {
  await expect(trainTiny({ precision: 'float16' })).rejects.toThrow(UserError);
  await expect(trainTiny({ precision: 'bfloat16', eager: true })).rejects.toThrow('does not go with --eager');
});
