import { referenceFile } from '../../../test/reference-cases';
import { cosine, makeSchedule, multiStep, polynomial, withWarmUp } from './schedule';

interface ReferenceSchedule {
  readonly lr: number;
  readonly decay_epochs: readonly number[];
  readonly rate: number;
  readonly epochs: number;
  readonly 'changes_[first_epoch,lr]': readonly (readonly [number, number])[];
}

describe("multi-step equals the reference's", () => {
  const { lr_schedule: cases } = referenceFile<{ lr_schedule: readonly ReferenceSchedule[] }>('optim.json');
  test.each(cases)(
    'from $lr',
    ({ lr, decay_epochs: milestones, rate, epochs, 'changes_[first_epoch,lr]': changes }) => {
      const options = { learningRate: lr, epochs, warmUpEpochs: 0, schedule: 'multi-step' } as const;
      // The reference counts epochs from 1.
      const expected = (epoch: number) => changes.filter(([first]) => first <= epoch + 1).at(-1)?.[1] ?? Number.NaN;
      for (let epoch = 0; epoch < epochs; epoch++) {
        expect(multiStep(lr, milestones, rate)(epoch) / expected(epoch)).toBeCloseTo(1, 12);
        expect(makeSchedule(options)(epoch + 0.99) / expected(epoch)).toBeCloseTo(1, 12);
      }
    },
  );
});

test('cosine goes from the rate to 0, half of it in the middle', () => {
  expect([0, 2.5, 5, 10, 11].map(cosine(0.2, 10))).toEqual([
    0.2,
    expect.closeTo(0.1 * (1 + Math.SQRT1_2), 12),
    expect.closeTo(0.1, 12),
    0,
    0,
  ]);
});

test('polynomial falls linearly, or faster', () => {
  expect([0, 1, 2, 4, 5].map(polynomial(0.4, 4))).toEqual([0.4, expect.closeTo(0.3, 12), 0.2, 0, 0]);
  expect(polynomial(0.4, 4, 2)(2)).toBe(0.1);
});

test('warm-up rises linearly from 0, then the schedule continues', () => {
  const schedule = withWarmUp(polynomial(0.4, 4), 2);
  expect([0, 0.5, 1, 2, 3, 4].map(schedule)).toEqual([0, 0.1, 0.2, 0.2, expect.closeTo(0.1, 12), 0]);
  const options = { schedule: 'polynomial', learningRate: 0.4, epochs: 4, warmUpEpochs: 2 } as const;
  expect(makeSchedule(options)(0.5)).toBe(0.1);
});
