import { tinyMethod, tinyNetwork, tinyTask } from '../../test/tiny-training';
import { checkGivenHeads, checkSharable, checkShardClasses } from './shard-refusals';

const fine = { classShare: 1, emaDecay: 0, labelSmoothing: 0, mixup: 0, cutmix: 0, precision: 'float32' } as const;
const training = {
  role: 'student',
  task: {},
  network: { ...tinyNetwork(), head: 'arcface' },
} as const;

test.each([
  [{ classShare: 0.1 }, '--class-share=0.1'],
  [{ emaDecay: 0.9 }, '--ema-decay=0.9'],
  [{ labelSmoothing: 0.1 }, '--label-smoothing=0.1'],
  [{ mixup: 0.2 }, '--mixup=0.2'],
  [{ cutmix: 1 }, '--cutmix=1'],
  [{ precision: 'float16' as const }, '--precision=float16'],
])('the setting %p is refused', (changed, named) => {
  expect(() => checkShardClasses(fine)).not.toThrow();
  expect(() => checkShardClasses({ ...fine, ...changed })).toThrow(
    `--shard-classes does not work with ${named}: leave one of the two out`,
  );
});

test('trainings that need the logits of all classes, or more than one vector a class, are refused', () => {
  expect(() => checkSharable(training)).not.toThrow();
  expect(() => checkSharable({ ...training, task: tinyTask() })).toThrow('evaluated by embeddings');
  expect(() => checkSharable({ ...training, network: tinyNetwork() })).toThrow('linear has head.bias too');
  expect(() => checkSharable({ ...training, network: { ...tinyNetwork(), head: 'adaface' } })).toThrow(
    'adaface has head.batch_mean and head.batch_std too',
  );
  expect(() => checkSharable({ ...training, initial: 'net.pth' })).toThrow('leave --student-initial out');
});

test('methods that need more of the classes than softmaxes are refused', () => {
  const distil = (method: string, others = {}) =>
    checkSharable({ ...training, distillation: { method: tinyMethod(method), ...others } });
  for (const method of ['none', 'kd', 'l2e', 'th-kd', 'l2e-th-kd']) expect(() => distil(method)).not.toThrow();
  const known = 'it works with cc, kd, l2e-th-kd, l2e, none, pkt, rkd, th-kd, and sums of them';
  for (const method of ['dkd', 'dist', 'kd-mse', 'margin-distillation', 'simkd', 'crd', 'ft']) {
    expect(() => distil(method)).toThrow(`--shard-classes does not work with --method=${method}; ${known}`);
  }
  expect(() => distil('kd', { predictionShare: 0.5 })).toThrow('does not work with --prediction-share=0.5');
  expect(() => distil('kd', { cache: { type: 'float32', folder: '' } })).toThrow('does not work with --teacher-cache');
});

test("a teacher's head is one vector a class too", () => {
  const teacher = { file: 'teacher.safetensors', description: tinyNetwork(), tensors: new Map() };
  expect(() => checkGivenHeads({ teacher })).toThrow(
    'teacher.safetensors: --shard-classes needs a head of one vector a class and nothing else',
  );
});
