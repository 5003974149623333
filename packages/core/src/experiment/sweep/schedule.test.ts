import fc from 'fast-check';
import { type Job, type Outcome, runSchedule } from './schedule';

const done: Outcome = { done: true, seconds: 1 };

/** Runs jobs that are named by their keys. @returns the lines, the most jobs at a time, and the failures */
async function schedule(
  needs: Readonly<Record<string, readonly string[]>>,
  outcome: (key: string, tries: number) => Outcome = () => done,
  { parallel = 2, retries = 1, hasRoom = (): boolean => true, signal = new AbortController().signal } = {},
) {
  const lines: string[] = [];
  let most = 0;
  let running = 0;
  const jobs = Object.entries(needs).map(
    ([key, needed]): Job => ({
      key,
      label: key,
      needs: needed,
      async run(tries) {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        return outcome(key, tries);
      },
    }),
  );
  const onChange = (line: string) => lines.push(line);
  const failures = await runSchedule(jobs, { parallel, retries, signal, hasRoom, onChange, interval: 5 });
  return { lines, most, failures };
}

test('the jobs that long chains wait for come first', async () => {
  const { lines } = await schedule({ a: [], b: [], c: ['b'], d: ['c'] }, undefined, { parallel: 1 });
  expect(lines.filter((line) => line.endsWith('starts'))).toEqual(['b: starts', 'c: starts', 'a: starts', 'd: starts']);
});

test('a failed job fails those that need it, and no others', async () => {
  const { lines, failures } = await schedule({ a: [], b: ['a'], c: ['b'], d: [] }, (key) =>
    key === 'a' ? { done: false, reason: 'exit code 1' } : done,
  );
  expect(failures).toEqual([
    { label: 'a', reason: 'exit code 1' },
    { label: 'b', reason: 'not run: it needs a' },
    { label: 'c', reason: 'not run: it needs b' },
  ]);
  expect(lines).toContain('a: tried again');
  expect(lines).toContain('d: done in 1 s');
});

test('a hopeless failure is not retried', async () => {
  const attempts: number[] = [];
  await schedule({ a: [] }, (_, tries) => {
    attempts.push(tries);
    return { done: false, reason: 'exit code 2', hopeless: true };
  });
  expect(attempts).toEqual([0]);
});

test('a job that cannot start fails, and the others go on', async () => {
  const { lines, failures } = await schedule({ a: [], b: [], c: ['b'] }, (key) => {
    if (key === 'a') throw new Error('ENOSPC: no space left on device, write.');
    return done;
  });
  expect(failures).toEqual([{ label: 'a', reason: 'ENOSPC: no space left on device, write' }]);
  expect(lines).toEqual(expect.arrayContaining(['a: tried again', 'c: done in 1 s']));
});

test('without room, jobs run one at a time', async () => {
  const { most, failures } = await schedule({ a: [], b: [], c: [] }, undefined, { hasRoom: () => false, parallel: 3 });
  expect([most, failures]).toEqual([1, []]);
});

test('after an abort no job starts', async () => {
  const controller = new AbortController();
  const outcome = (): Outcome => {
    controller.abort();
    return { done: false, reason: 'exit code 143' };
  };
  const { lines, failures } = await schedule({ a: [], b: [] }, outcome, { parallel: 1, signal: controller.signal });
  expect([lines, failures]).toEqual([['a: starts'], []]);
});

test('any graph: each job runs once, after those it needs, and never more at a time than allowed', async () => {
  const graph = fc
    .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
    .map((all) =>
      Object.fromEntries(all.map((needs, i) => [`j${i}`, i === 0 ? [] : [...new Set(needs.map((n) => `j${n % i}`))]])),
    );
  await fc.assert(
    fc.asyncProperty(graph, fc.integer({ min: 1, max: 4 }), async (needs, parallel) => {
      const ended: string[] = [];
      const { most, failures } = await schedule(
        needs,
        (key) => {
          for (const needed of needs[key] ?? []) expect(ended).toContain(needed);
          ended.push(key);
          return done;
        },
        { parallel },
      );
      expect(failures).toEqual([]);
      expect([...ended].sort()).toEqual(Object.keys(needs).sort());
      expect(most).toBeLessThanOrEqual(parallel);
    }),
    { numRuns: 50 },
  );
});
