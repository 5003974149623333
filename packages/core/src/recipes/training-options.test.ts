import { flagName } from '../experiment/option';
import { checkTraining } from '../train/settings';
import { checkTeacher, studentOptions, teacherOptions, trainingOptions } from './training-options';

const fine = {
  batchSize: 64,
  accumulate: 1,
  precision: 'float32',
  eager: false,
  classShare: 1,
  emaDecay: 0,
  mixup: 0,
  cutmix: 0,
  mixProbability: 1,
  mixSwitchProbability: 0.5,
} as const;

test('--precision has three values', () => {
  const { precision } = trainingOptions;
  expect(precision.default).toBe('float32');
  expect(precision.parse('bfloat16', '--precision')).toBe('bfloat16');
  expect(() => precision.parse('fp16', '--precision')).toThrow(
    "--precision: unknown value 'fp16'; did you mean 'float16'? (valid: float32, bfloat16, float16)",
  );
});

test('training options that exclude each other are refused', () => {
  expect(() => checkTraining(fine)).not.toThrow();
  expect(() => checkTraining({ ...fine, accumulate: 3 })).toThrow('--accumulate 3 does not divide --batchSize 64');
  expect(() => checkTraining({ ...fine, accumulate: 2, classShare: 0.5 })).not.toThrow();
  expect(() => checkTraining({ ...fine, emaDecay: 0.9, classShare: 0.5 })).toThrow(
    'does not work with --ema-decay 0.9',
  );
  expect(() => checkTraining({ ...fine, precision: 'bfloat16' })).not.toThrow();
  expect(() => checkTraining({ ...fine, precision: 'bfloat16', eager: true })).toThrow('does not go with --eager');
  expect(() => checkTraining({ ...fine, precision: 'float16' })).toThrow('On a CPU --precision=float16 gains nothing');
});

test('options of mixing without mixup or CutMix, or for an odd batch, are refused', () => {
  expect(() => checkTraining({ ...fine, mixProbability: 0.5 })).toThrow('give --mixup or --cutmix, or leave it out');
  expect(() => checkTraining({ ...fine, mixup: 0.2, batchSize: 25 })).toThrow('--batchSize 25 must be even');
  expect(() => checkTraining({ ...fine, mixup: 0.2, cutmix: 1, mixSwitchProbability: 0.1 })).not.toThrow();
});

test.each([
  ['labelSmoothing', '0.1', '1', 'a number of at least 0 and below 1'],
  ['mixup', '0.2', '-1', 'a number of at least 0'],
  ['cutmix', '1', '-0.1', 'a number of at least 0'],
  ['mixProbability', '1', '0', 'a number above 0 and at most 1'],
  ['mixSwitchProbability', '0', '1.5', 'a number from 0 to 1'],
  ['backboneRate', '0.1', '0', 'a number above 0'],
  ['teacherBackboneRate', '0.1', '-1', 'a number above 0'],
] as const)('--%s has a range', (name, good, bad, valid) => {
  const option = { ...trainingOptions, ...studentOptions, ...teacherOptions }[name];
  expect(option.parse(good, flagName(name))).toBe(Number(good));
  expect(() => option.parse(bad, flagName(name))).toThrow(`${flagName(name)} must be ${valid}, got ${bad}`);
});

test('initial weights are files, and an imported teacher has none', () => {
  for (const option of [studentOptions.studentInitial, teacherOptions.teacherInitial]) {
    expect(option.names).toBe('file');
    expect(option.default).toBeUndefined();
    expect(() => option.parse('nowhere.pth', '--student-initial')).toThrow('there is no file nowhere.pth');
  }
  const teacher = {
    ...fine,
    ...Object.fromEntries(Object.entries(teacherOptions).map(([name, option]) => [name, option.default])),
  } as unknown as Parameters<typeof checkTeacher>[0];
  expect(() => checkTeacher({ ...teacher, teacherInitial: 'a.pth' })).not.toThrow();
  expect(() => checkTeacher({ ...teacher, teacherInitial: 'a.pth', teacherWeights: 'b.pth' })).toThrow(
    'leave one of them out',
  );
});

test("the source of the teacher's head: one, and only for an imported teacher", () => {
  const teacher = {
    ...fine,
    ...Object.fromEntries(Object.entries(teacherOptions).map(([name, option]) => [name, option.default])),
  } as unknown as Parameters<typeof checkTeacher>[0];
  const given = { ...teacher, teacherWeights: 'a.pth' };
  expect(() => checkTeacher({ ...given, teacherCentres: 'c.pt' })).not.toThrow();
  expect(() => checkTeacher({ ...given, teacherHeadFromData: true })).not.toThrow();
  expect(() => checkTeacher({ ...given, teacherCentres: 'c.pt', teacherHeadFromData: true })).toThrow(
    '--teacher-centres and --teacher-head-from-data are both sources of the head: give one',
  );
  for (const alone of [{ teacherCentres: 'c.pt' }, { teacherHeadFromData: true }, { allowMissing: ['head'] }]) {
    expect(() => checkTeacher({ ...teacher, ...alone })).toThrow(/^--.* needs --teacher-weights, the trained teacher/);
  }
});
