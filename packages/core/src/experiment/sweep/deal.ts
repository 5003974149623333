/** Deals the trainings of a sweep to machines that share nothing. */

/** A training to deal. */
export interface Dealt {
  /** In any unit, above 0. */
  readonly cost: number;
  /** The positions of all trainings that its machine must have too, those needed indirectly included. */
  readonly needs: readonly number[];
}

/** A deal is as good as the best one if its longest shard is at most so many times as long. */
const tolerance = 1.1;

/**
 * Gives each training to one shard. Trainings that share a stage, such as those of a seed with its teacher, stay together
 * as long as that balances. The trainings of a group that is split go to several shards, each of which has to train the
 * stages that they share. Of the deals whose longest shard is about the shortest, the one that trains the least twice
 * wins. The same trainings in the same order are always dealt alike.
 * @returns the shard of each training, from 0
 */
export function deal(trainings: readonly Dealt[], shards: number): readonly number[] {
  const groups = groupsOf(trainings);
  const divisible = groups.filter(({ members }) => members.length > 1).toReversed();
  divisible.sort((a, b) => b.cost - a.cost);
  const deals = [dealGroups(trainings, groups, new Set(), { shards, spread: 1 })];
  for (let split = 1; split <= Math.min(divisible.length, shards); split++) {
    // Each of the split groups has its fair share of the shards, but at least two of them.
    const fair = shards / split;
    for (const spread of new Set([Math.floor(fair), Math.ceil(fair)].map((share) => Math.max(2, share)))) {
      if (spread > shards) continue;
      deals.push(dealGroups(trainings, groups, new Set(divisible.slice(0, split)), { shards, spread }));
    }
  }
  const shortest = Math.min(...deals.map(({ longest }) => longest));
  const good = deals.filter(({ longest }) => longest <= tolerance * shortest);
  return good.reduce((best, one) => (one.total < best.total ? one : best)).shardOf;
}

/** Trainings that share stages. */
interface Group {
  /** Positions, ascending. */
  readonly members: readonly number[];
  readonly cost: number;
}

/** The groups of trainings between which there are no needs, in the order of their first trainings. */
function groupsOf(trainings: readonly Dealt[]): readonly Group[] {
  const above = trainings.map((_, i) => i);
  const rootOf = (i: number): number => {
    let root = i;
    while (above[root] !== root) root = above[root] as number;
    return root;
  };
  for (const [i, { needs }] of trainings.entries()) {
    for (const need of needs) {
      const [a, b] = [rootOf(i), rootOf(need)];
      above[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const members = new Map<number, number[]>();
  for (const i of trainings.keys()) members.set(rootOf(i), [...(members.get(rootOf(i)) ?? []), i]);
  const costOf = (i: number): number => trainings[i]?.cost ?? 0;
  return [...members.values()].map((all) => ({ members: all, cost: all.reduce((sum, i) => sum + costOf(i), 0) }));
}

interface Deal {
  readonly shardOf: readonly number[];
  /** The cost of the shard that costs most, and that of all. */
  readonly longest: number;
  readonly total: number;
}

/** Deals whole groups first, the costly ones before others; then the trainings of each split group to `spread` shards. */
function dealGroups(
  trainings: readonly Dealt[],
  groups: readonly Group[],
  split: ReadonlySet<Group>,
  { shards, spread }: { readonly shards: number; readonly spread: number },
): Deal {
  const places = Array.from({ length: shards }, (_, shard) => ({ shard, load: 0, has: new Set<number>() }));
  type Place = (typeof places)[number];
  const shardOf: number[] = Array(trainings.length).fill(0);
  const byCost = groups.toSorted((a, b) => b.cost - a.cost);
  const added = (i: number, { has }: Place): number =>
    [...new Set([i, ...(trainings[i]?.needs ?? [])])].reduce(
      (sum, one) => sum + (has.has(one) ? 0 : (trainings[one]?.cost ?? 0)),
      0,
    );
  const give = (i: number, place: Place): void => {
    shardOf[i] = place.shard;
    place.load += added(i, place);
    for (const one of [i, ...(trainings[i]?.needs ?? [])]) place.has.add(one);
  };
  const leastLoaded = (): Place[] => places.toSorted((a, b) => a.load - b.load);
  for (const group of byCost.filter((one) => !split.has(one))) {
    const [place] = leastLoaded() as [Place];
    for (const i of group.members) give(i, place);
  }
  for (const group of byCost.filter((one) => split.has(one))) {
    const among = leastLoaded().slice(0, spread);
    const members = group.members.toSorted((a, b) => (trainings[b]?.cost ?? 0) - (trainings[a]?.cost ?? 0));
    for (const i of members) {
      const end = (place: Place): number => place.load + added(i, place);
      const [best] = among.toSorted((a, b) => end(a) - end(b) || added(i, a) - added(i, b)) as [Place];
      give(i, best);
    }
  }
  const loads = places.map(({ load }) => load);
  return { shardOf, longest: Math.max(...loads), total: loads.reduce((a, b) => a + b, 0) };
}
