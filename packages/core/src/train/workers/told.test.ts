import { arePointsNeeded, furthest, type Told } from './told';

const told = (step: number, changed: Partial<Told> = {}): Told => ({
  course: { position: { epoch: 0, batch: step, step, sums: {} } },
  isHome: false,
  hasState: true,
  points: 0,
  formings: 1,
  ...changed,
});
const all = (...workers: readonly Told[]) => new Map(workers.map((one, task) => [task, one]));

test('the furthest gives its state; of several one that has it, and of newcomers home', () => {
  const isNew = { hasState: false };
  expect(furthest(all(told(3), told(5), told(4)))).toBe(1);
  expect(furthest(all(told(0, isNew), told(0)))).toBe(1);
  expect(furthest(all(told(0, isNew), told(0, { ...isNew, isHome: true })))).toBe(1);
  // Home has read a later checkpoint than the frozen worker that wakes up.
  expect(furthest(all(told(5), told(40, { ...isNew, isHome: true })))).toBe(1);
});

test.each([
  ['home has taken part in all steps', all(told(5, { isHome: true }), told(5), told(0, { hasState: false })), 1, false],
  ['home is new', all(told(5), told(5, { isHome: true, hasState: false })), 0, true],
  ['home is behind', all(told(5), told(4, { isHome: true })), 0, true],
  ['home is away, and another is behind', all(told(5), told(4)), 0, true],
  ['home is away, and all are equally far', all(told(5), told(5)), 0, false],
])('points are needed or not: %s', (_, workers, root, needed) => {
  expect(arePointsNeeded(workers, root)).toBe(needed);
});
