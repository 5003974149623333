import { stream } from '@headshare/core/system/random';

/** Pairs of images by index, in LFW's layout: fold after fold, in each the genuine pairs first. */
export interface VerificationPairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** 1: the same person, 0: different people. */
  readonly same: Uint8Array;
  readonly folds: number;
}

export interface VerificationPairsOptions {
  readonly identities: number;
  /** Image i shows person floor(i / imagesPerIdentity). */
  readonly imagesPerIdentity: number;
  /** Pairs of either kind in all folds together; multiples of `folds`. */
  readonly genuine: number;
  readonly impostor: number;
  readonly folds?: number;
  readonly seed: number;
}

/**
 * Draws verification pairs: no pair twice, none of an image with itself, genuine pairs spread evenly over people, and
 * no person in two folds (which needs two people a fold).
 * Throws RangeError when so many different pairs do not exist.
 */
export function verificationPairs(options: VerificationPairsOptions): VerificationPairs {
  const { identities, imagesPerIdentity, genuine, impostor, folds = 10, seed } = options;
  if (genuine % folds !== 0 || impostor % folds !== 0) {
    throw new RangeError(`${genuine} genuine and ${impostor} impostor pairs do not divide into ${folds} equal folds`);
  }
  if (identities < 2 * folds) {
    throw new RangeError(
      `${folds} folds with people of their own need at least ${2 * folds} people, not ${identities}`,
    );
  }
  const people = stream(seed, 'folds').shuffle(Int32Array.from({ length: identities }, (_, i) => i));
  const left: number[] = [];
  const right: number[] = [];
  const same: number[] = [];
  const add = (pair: readonly [number, number], label: number) => {
    left.push(pair[0]);
    right.push(pair[1]);
    same.push(label);
  };
  for (let fold = 0; fold < folds; fold++) {
    const members = people.filter((_, i) => i % folds === fold);
    for (const pair of genuinePairs(members, imagesPerIdentity, genuine / folds, seed, fold)) add(pair, 1);
    for (const pair of impostorPairs(members, imagesPerIdentity, impostor / folds, seed, fold)) add(pair, 0);
  }
  return { left: Int32Array.from(left), right: Int32Array.from(right), same: Uint8Array.from(same), folds };
}

function genuinePairs(members: Int32Array, images: number, count: number, seed: number, fold: number) {
  const perPerson = (images * (images - 1)) / 2;
  if (count > perPerson * members.length) {
    throw new RangeError(
      `A fold of ${members.length} people with ${images} images each has ${perPerson * members.length} genuine pairs, ${count} were asked for`,
    );
  }
  const decks = Array.from(members, (person) => {
    const deck: [number, number][] = [];
    for (let a = 0; a < images; a++) for (let b = a + 1; b < images; b++) deck.push([a, b]);
    const base = person * images;
    return stream(seed, 'genuine', fold, person)
      .shuffle(deck)
      .map(([a, b]): [number, number] => [base + a, base + b]);
  });
  return Array.from({ length: count }, (_, i) => {
    const deck = decks[i % decks.length] as [number, number][];
    return deck[Math.floor(i / decks.length)] as [number, number];
  });
}

function impostorPairs(members: Int32Array, images: number, count: number, seed: number, fold: number) {
  const possible = ((members.length * (members.length - 1)) / 2) * images * images;
  if (count > possible) {
    throw new RangeError(
      `A fold of ${members.length} people with ${images} images each has ${possible} impostor pairs, ${count} were asked for`,
    );
  }
  const random = stream(seed, 'impostor', fold);
  const pairs = new Map<string, [number, number]>();
  while (pairs.size < count) {
    const first = random.below(members.length);
    const second = (first + 1 + random.below(members.length - 1)) % members.length;
    const [low, high] = [Math.min(first, second), Math.max(first, second)];
    const a = (members[low] as number) * images + random.below(images);
    const b = (members[high] as number) * images + random.below(images);
    if (!pairs.has(`${a} ${b}`)) pairs.set(`${a} ${b}`, [a, b]);
  }
  return pairs.values();
}
