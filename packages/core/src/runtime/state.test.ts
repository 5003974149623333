import { UserError } from '../system/user-error';
import { type NamedValues, State } from './state';

function state() {
  const made = new State();
  made.declare('student/conv1.weight', 'trainable', [2, 2], Float32Array.of(1, 2, 3, 4));
  made.declare('student/bn1.running_mean', 'statistic', [2], Float32Array.of(5, 6));
  made.declare('momentum/student/conv1.weight', 'slot', [2, 2], new Float32Array(4));
  return made;
}

const ofStudent = ({ name }: { name: string }) => name.startsWith('student/');
const named = (entries: Readonly<Record<string, readonly [readonly number[], number]>>) =>
  new Map<string, NamedValues>(
    Object.entries(entries).map(([name, [shape, value]]) => [
      `student/${name}`,
      { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) },
    ]),
  );
const load = (into: State, values: ReadonlyMap<string, NamedValues>) =>
  into.load(values, 'a.safetensors', ofStudent, 'student/');

test('what is loaded is what is read; the rest stays', () => {
  const made = state();
  load(made, named({ 'conv1.weight': [[2, 2], 7], 'bn1.running_mean': [[2], 8] }));
  expect([...made.values().values()].map(({ values }) => Array.from(values))).toEqual([
    [7, 7, 7, 7],
    [8, 8],
    [0, 0, 0, 0],
  ]);
});

test.each([
  ['a missing tensor', { 'conv1.weight': [[2, 2], 7] }, 'it lacks bn1.running_mean'],
  [
    'one too many',
    { 'conv1.weight': [[2, 2], 7], 'bn1.running_mean': [[2], 8], 'fc.bias': [[3], 0] },
    'it has fc.bias, which the network lacks',
  ],
  [
    'another shape',
    { 'conv1.weight': [[2, 3], 7], 'bn1.running_mean': [[2], 8] },
    'conv1.weight is [2,3] there but [2,2] in the network',
  ],
] as const)('%s is named, with the side that lacks it, and nothing is set', (_, values, problem) => {
  const made = state();
  const before = made.values();
  expect(() => load(made, named(values))).toThrow(UserError);
  expect(() => load(made, named(values))).toThrow(
    `a.safetensors does not fit the network: ${problem}. Was it made by another architecture, width or number of classes?`,
  );
  expect(made.values()).toEqual(before);
});

test('of many problems the first four are told', () => {
  const many = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, [[1], 0]] as const));
  expect(() => load(state(), named(many))).toThrow(
    'it lacks conv1.weight; it lacks bn1.running_mean; it has a, which the network lacks; it has b, which the network lacks; and 3 more.',
  );
});

test('a name is declared once; another state may have it too', () => {
  const made = state();
  expect(() => made.declare('student/conv1.weight', 'slot', [1], Float32Array.of(0))).toThrow(
    'already has a variable named',
  );
  expect(
    state()
      .all('statistic')
      .map(({ name }) => name),
  ).toEqual(['student/bn1.running_mean']);
});
