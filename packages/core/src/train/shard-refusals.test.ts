import { tinyNetwork, tinyTask } from '../../test/tiny-training';
import { checkSharable, checkShardClasses, refuseShardClasses } from './shard-refusals';

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
  expect(() => checkSharable({ ...training, distillation: {} })).toThrow('the student has a teacher');
  expect(() => checkSharable({ ...training, initial: 'net.pth' })).toThrow('leave --student-initial out');
});

test('stages of several networks refuse the flag', () => {
  expect(() => refuseShardClasses({ shardClasses: false })).not.toThrow();
  expect(() => refuseShardClasses({ shardClasses: true })).toThrow('--teacher-weights=FILE');
});
