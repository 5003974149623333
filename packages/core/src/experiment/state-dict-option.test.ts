import { withoutEffect } from './data-options';
import { optional, text } from './option';
import { stateDictOf, stateDictOption } from './state-dict-option';

const roles = ['teacher', 'student'];

test.each([
  ['ema', 'ema', 'ema'],
  ['teacher:ema,student:model', 'ema', 'model'],
  ['student:model, teacher:model.ema', 'model.ema', 'model'],
  ['student:ema', undefined, 'ema'],
  // Names of networks may have colons.
  ['module:0', 'module:0', 'module:0'],
  ['teacher:a,module:0', 'teacher:a,module:0', 'teacher:a,module:0'],
  [undefined, undefined, undefined],
])('--state-dict=%s', (given, teacher, student) => {
  expect(stateDictOf(given, 'teacher', roles)).toBe(teacher);
  expect(stateDictOf(given, 'student', roles)).toBe(student);
});

test('a name without a file of weights is an error', () => {
  const path = optional(text({ help: '' }));
  const options = {
    stateDict: stateDictOption({ teacher: ['teacherWeights', 'teacherInitial'], student: ['studentInitial'] }),
    teacherWeights: path,
    teacherInitial: path,
    studentInitial: path,
  };
  const given = (stateDict: string, values = {}) => withoutEffect(options, { stateDict, ...values }, { stateDict });
  expect(() => given('ema')).toThrow(
    '--state-dict=ema has no effect: it needs --teacher-weights or --teacher-initial or --student-initial',
  );
  expect(() => given('teacher:ema', { studentInitial: 'a.pth' })).toThrow(
    '--state-dict=teacher:ema has no effect: it needs --teacher-weights or --teacher-initial',
  );
  expect(given('ema', { studentInitial: 'a.pth' })).toEqual([]);
  expect(given('teacher:ema,student:model', { studentInitial: 'a.pth', teacherWeights: 'b.pth' })).toEqual([]);
});
