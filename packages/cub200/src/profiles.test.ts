import { resolveOptions } from '@headshare/core/experiment/settings';
import { experiments } from './experiments';

test.each(['cub200', 'cub200-224'])(
  '%s fine-tunes with a lower rate for the backbone, hard labels and no mixing',
  (profile) => {
    const student = resolveOptions(experiments.student, { profile, given: {} });
    expect(student).toMatchObject({ dataset: 'cub200', backboneRate: 0.1, normalisation: 'imagenet', epochs: 200 });
    expect(student).toMatchObject({ labelSmoothing: 0, mixup: 0, cutmix: 0, studentInitial: undefined });
    const teacher = resolveOptions(experiments.teacher, { profile, given: {} });
    expect(teacher).toMatchObject({ teacherBackboneRate: 0.1, teacherInitial: undefined, teacherEpochs: 200 });
  },
);

test('learning rates are proportional to the batch size', () => {
  const rates = ['cub200', 'cub200-224'].map((profile) => {
    const { learningRate, batchSize } = resolveOptions(experiments.student, { profile, given: {} });
    return Number(learningRate) / Number(batchSize);
  });
  expect(rates).toEqual([0.000125, 0.000125]);
});
