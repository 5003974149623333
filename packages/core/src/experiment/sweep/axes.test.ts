import { defineExperiment } from '../define';
import { integer, list, number, oneOf } from '../option';
import { axesOf, combinations } from './axes';

const student = defineExperiment({
  summary: 'Train',
  options: {
    seed: integer({ default: 1, help: '' }),
    method: oneOf(['kd', 'l2e'], 'kd', { help: '' }),
    learningRate: number({ default: 0.1, above: 0, help: '' }),
    milestones: list(number({ default: 0.5, help: '' }), { default: [0.5], help: '' }),
  },
  run: async () => ({ metrics: {}, summary: '' }),
});
const axes = (...sweep: string[]) => axesOf({ sweep }, student, 'student');

test('an axis is an option and its parsed values; methods come first', () => {
  expect(axesOf({ sweep: ['learning-rate=0.05, 0.1,0.05'], methods: ['kd', 'l2e'] }, student, 'student')).toEqual([
    { option: 'method', values: ['kd', 'l2e'] },
    { option: 'learningRate', values: [0.05, 0.1] },
  ]);
  expect(axes('learningRate=1')).toEqual([{ option: 'learningRate', values: [1] }]);
});

test('lists are separated by slashes', () => {
  expect(axes('milestones=0.5,0.75/0.6')).toEqual([{ option: 'milestones', values: [[0.5, 0.75], [0.6]] }]);
});

test('combinations: the last axis changes fastest', () => {
  expect(combinations(axes('method=kd,l2e', 'learning-rate=1,2'))).toEqual([
    { method: 'kd', learningRate: 1 },
    { method: 'kd', learningRate: 2 },
    { method: 'l2e', learningRate: 1 },
    { method: 'l2e', learningRate: 2 },
  ]);
  expect(combinations([])).toEqual([{}]);
});

test.each([
  ['learning-rate', "--sweep must be option=value,value, got 'learning-rate'"],
  ['learning-rate=', "--sweep must be option=value,value, got 'learning-rate='"],
  ['learningrat=1', '--sweep: student reads no option --learningrat; did you mean --learning-rate?'],
  ['learning-rate=0', '--sweep: --learning-rate must be a number above 0, got 0'],
  ['method=kf', "--sweep: --method: unknown value 'kf'; did you mean 'kd'? (valid: kd, l2e)"],
  ['seed=1,2', '--sweep: seeds are counted by --seeds, from --seed on'],
  ['constructor=1', '--sweep: student reads no option --constructor; did you mean --method?'],
])('%s is refused', (sweep, sentence) => {
  expect(() => axes(sweep)).toThrow(sentence);
});

test('an option that is swept twice, or that the experiment does not read, is refused', () => {
  expect(() => axesOf({ sweep: ['method=kd'], methods: ['l2e'] }, student, 'student')).toThrow(
    '--sweep: --method is swept twice; name all its values at one place',
  );
  expect(() => axesOf({ sweep: [], teachers: ['resnet20'] }, student, 'student')).toThrow(
    '--teachers: student reads no --teacher; leave it out, or choose another --experiment',
  );
});
