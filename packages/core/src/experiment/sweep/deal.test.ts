import fc from 'fast-check';
import { type Dealt, deal } from './deal';

/** A seed of a sweep: its teacher, a student alone that is compared with it, and distilled students. */
const seed = (first: number, teacher: number, students: number): Dealt[] => [
  { cost: teacher, needs: [] },
  ...Array.from({ length: students + 1 }, () => ({ cost: 1, needs: [first] })),
];
const seeds = (count: number, teacher = 4, students = 3): Dealt[] =>
  Array.from({ length: count }, (_, i) => seed(i * (students + 2), teacher, students)).flat();

/** What each shard trains, with the stages that it needs. */
const trainedBy = (trainings: readonly Dealt[], dealt: readonly number[], shards: number): Set<number>[] =>
  Array.from(
    { length: shards },
    (_, shard) => new Set(trainings.flatMap(({ needs }, i) => (dealt[i] === shard ? [i, ...needs] : []))),
  );
const costs = (trainings: readonly Dealt[], shards: readonly Set<number>[]): number[] =>
  shards.map((all) => [...all].reduce((sum, i) => sum + (trainings[i]?.cost ?? 0), 0));

test('as many seeds as machines, or a multiple: every machine has whole seeds', () => {
  expect(deal(seeds(2), 2)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  const dealt = deal(seeds(6), 3);
  for (let one = 0; one < 6; one++) expect(new Set(dealt.slice(5 * one, 5 * one + 5))).toEqual(new Set([one % 3]));
});

test('the seeds that remain are split where that saves time, and their teacher is trained again', () => {
  const trainings = seeds(5);
  const dealt = deal(trainings, 4);
  expect(dealt.slice(0, 20)).toEqual([0, 1, 2, 3].flatMap((shard) => Array(5).fill(shard)));
  expect(new Set(dealt.slice(20))).toEqual(new Set([0, 1]));
  // Whole, the longest would be 16. Over all four machines it would be 13, with three teachers more.
  expect(costs(trainings, trainedBy(trainings, dealt, 4))).toEqual([14, 14, 8, 8]);
});

test('a seed whose teacher costs nearly all is not split', () => {
  expect(new Set(deal(seed(0, 100, 3), 2))).toEqual(new Set([0]));
});

test('two seeds on four machines: two machines for each', () => {
  const dealt = deal(seeds(2, 4, 9), 4);
  const [first, second] = [new Set(dealt.slice(0, 11)), new Set(dealt.slice(11))];
  expect([first.size, second.size, new Set(dealt).size]).toEqual([2, 2, 4]);
});

test('trainings that share nothing are balanced by cost', () => {
  const alone = [9, 1, 8, 2, 5, 5].map((cost) => ({ cost, needs: [] }));
  expect(costs(alone, trainedBy(alone, deal(alone, 3), 3))).toEqual([10, 10, 10]);
});

test('more shards than trainings: the last ones are empty', () => {
  const alone = [1, 1].map((cost) => ({ cost, needs: [] }));
  expect(deal(alone, 4)).toEqual([0, 1]);
  expect(deal([], 4)).toEqual([]);
});

test('any sweep: each training has one shard, alike every time, and no deal is longer than all seeds whole', () => {
  const trainings = fc
    .array(fc.record({ cost: fc.integer({ min: 1, max: 50 }), links: fc.array(fc.nat(), { maxLength: 2 }) }), {
      maxLength: 24,
    })
    .map((all) => {
      const needs: number[][] = [];
      return all.map(({ cost, links }, i): Dealt => {
        const direct = i === 0 ? [] : links.map((link) => link % i);
        needs.push([...new Set(direct.flatMap((one) => [one, ...(needs[one] ?? [])]))]);
        return { cost, needs: needs[i] as number[] };
      });
    });
  fc.assert(
    fc.property(trainings, fc.integer({ min: 1, max: 9 }), (all, shards) => {
      const dealt = deal(all, shards);
      expect(dealt).toHaveLength(all.length);
      for (const shard of dealt) expect(shard >= 0 && shard < shards && Number.isInteger(shard)).toBe(true);
      expect(deal(all, shards)).toEqual(dealt);
      const done = trainedBy(all, dealt, shards);
      for (const one of done)
        for (const i of one) for (const need of all[i]?.needs ?? []) expect(one.has(need)).toBe(true);
      const cost = costs(all, done);
      const total = all.reduce((sum, one) => sum + one.cost, 0);
      expect(Math.max(...cost)).toBeLessThanOrEqual(total);
      if (shards === 1) expect(cost).toEqual([total]);
      // Of unrelated trainings none is trained twice, and the longest shard takes less than twice the least possible.
      if (all.every(({ needs }) => needs.length === 0)) {
        expect(cost.reduce((a, b) => a + b, 0)).toBe(total);
        const best = Math.max(total / shards, ...all.map((one) => one.cost));
        expect(Math.max(...cost)).toBeLessThanOrEqual(2 * best);
      }
    }),
  );
});
