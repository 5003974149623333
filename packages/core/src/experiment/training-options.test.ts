import { checkTraining, trainingOptions } from './training-options';

const fine = { batchSize: 64, accumulate: 1, precision: 'float32', eager: false, classShare: 1, emaDecay: 0 } as const;

test('a precision is one of three', () => {
  const { precision } = trainingOptions;
  expect(precision.default).toBe('float32');
  expect(precision.parse('bfloat16', '--precision')).toBe('bfloat16');
  expect(() => precision.parse('fp16', '--precision')).toThrow(
    "--precision: unknown value 'fp16'; did you mean 'float16'? (valid: float32, bfloat16, float16)",
  );
});

test('options that do not go together are refused', () => {
  expect(() => checkTraining(fine)).not.toThrow();
  expect(() => checkTraining({ ...fine, accumulate: 3 })).toThrow('--accumulate 3 does not divide --batchSize 64');
  expect(() => checkTraining({ ...fine, accumulate: 2, classShare: 0.5 })).toThrow(
    '--class-share 0.5 does not go with --accumulate 2',
  );
  expect(() => checkTraining({ ...fine, emaDecay: 0.9, classShare: 0.5 })).toThrow('does not go with --ema-decay 0.9');
  expect(() => checkTraining({ ...fine, precision: 'bfloat16' })).not.toThrow();
  expect(() => checkTraining({ ...fine, precision: 'bfloat16', eager: true })).toThrow('does not go with --eager');
  expect(() => checkTraining({ ...fine, precision: 'float16' })).toThrow('On a CPU --precision=float16 gains nothing');
});
