import { requireOneMachine, wantedWorkers, withSlices } from './launch-workers';

const torchrun = { MASTER_ADDR: '10.0.0.1', MASTER_PORT: '29500', RANK: '0', WORLD_SIZE: '3' };

test("a cluster's variables count only beside an option for workers", () => {
  expect(wantedWorkers({}, torchrun)).toBeUndefined();
  expect(wantedWorkers({ accumulate: 4 }, torchrun)).toBeUndefined();
  expect(wantedWorkers({ workers: 1 }, torchrun)?.place.kind).toBe('first');
  expect(wantedWorkers({ workers: 1 }, {})).toBeUndefined();
});

test('each worker has a slice, unless the command line or the profile says how many there are', () => {
  const slices = (
    given: { workers?: number; accumulate?: number },
    environment: NodeJS.ProcessEnv = {},
    sets = false,
  ) => withSlices({ given }, wantedWorkers(given, environment) ?? { workers: 1, place: { kind: 'alone' } }, sets).given;
  expect(slices({ workers: 2 })).toEqual({ workers: 2, accumulate: 2 });
  expect(slices({ workers: 2, accumulate: 6 })).toEqual({ workers: 2, accumulate: 6 });
  expect(slices({ workers: 2 }, torchrun)).toEqual({ workers: 2, accumulate: 6 });
  expect(slices({ workers: 2 }, {}, true)).toEqual({ workers: 2 });
  expect(slices({ workers: 1 })).toEqual({ workers: 1 });
});

test('the workers of a training in a sweep are on one machine', () => {
  const check = (given: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}) => {
    const wanted = wantedWorkers(given, environment);
    if (wanted) requireOneMachine(wanted);
  };
  expect(() => check({ workers: 2 })).not.toThrow();
  const sentence = (source: string) =>
    `Several machines share one training (${source}), not those of a sweep or comparison: give each machine its part of the trainings by --shard=1/2.`;
  expect(() => check({ join: '10.0.0.1:3000' })).toThrow(sentence('--join'));
  expect(() => check({ listen: '10.0.0.1:3000' })).toThrow(sentence('--listen'));
  expect(() => check({ workers: 2 }, torchrun)).toThrow(sentence('MASTER_ADDR'));
});
