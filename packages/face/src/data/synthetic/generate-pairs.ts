import { stream } from '@headshare/core/system/random';

export interface GeneratedPairsOptions {
  readonly identities: number;
  /** Image i shows person floor(i / imagesPerIdentity). */
  readonly imagesPerIdentity: number;
  /** Genuine and impostor pairs in all folds together; multiples of `folds`. */
  readonly genuine: number;
  readonly impostor: number;
  readonly folds?: number;
  readonly seed: number;
}

type Pair = readonly [number, number];

/**
 * Generates verification pairs in LFW's layout: fold after fold, in each the genuine pairs first. No pair occurs twice,
 * no image is paired with itself, genuine pairs are spread evenly over people, and no person is in two folds.
 * @throws RangeError if there are not that many different pairs, or fewer than two people a fold
 */
export function generatePairs({ folds = 10, ...options }: GeneratedPairsOptions) {
  const { identities, imagesPerIdentity: images, genuine, impostor, seed } = options;
  if (genuine % folds !== 0 || impostor % folds !== 0) {
    throw new RangeError(`${genuine} genuine and ${impostor} impostor pairs do not divide into ${folds} equal folds`);
  }
  if (identities < 2 * folds) {
    throw new RangeError(`${folds} folds without common people need at least ${2 * folds} people, not ${identities}`);
  }
  const people = stream(seed, 'folds').shuffle(Int32Array.from({ length: identities }, (_, i) => i));
  const pairs = Array.from({ length: folds }, (_, fold) => {
    const members = people.filter((_, i) => i % folds === fold);
    const ofFold = [members, images, seed, fold] as const;
    return [genuinePairs(genuine / folds, ...ofFold), impostorPairs(impostor / folds, ...ofFold)];
  }).flat(2);
  const perFold = pairs.length / folds;
  return {
    left: Int32Array.from(pairs, ([left]) => left),
    right: Int32Array.from(pairs, ([, right]) => right),
    same: Uint8Array.from(pairs, (_, i) => Number(i % perFold < genuine / folds)),
    folds,
  };
}

function genuinePairs(count: number, members: Int32Array, images: number, seed: number, fold: number): Pair[] {
  requirePairs('genuine', count, members, images, ((images * (images - 1)) / 2) * members.length);
  const decks = Array.from(members, (person) => {
    const deck: Pair[] = [];
    const base = person * images;
    for (let a = 0; a < images; a++) for (let b = a + 1; b < images; b++) deck.push([base + a, base + b]);
    return stream(seed, 'genuine', fold, person).shuffle(deck);
  });
  return Array.from({ length: count }, (_, i) => decks[i % decks.length]?.[Math.floor(i / decks.length)] as Pair);
}

function impostorPairs(count: number, members: Int32Array, images: number, seed: number, fold: number): Pair[] {
  requirePairs('impostor', count, members, images, ((members.length * (members.length - 1)) / 2) * images * images);
  const random = stream(seed, 'impostor', fold);
  const pairs = new Map<string, Pair>();
  while (pairs.size < count) {
    const first = random.below(members.length);
    const second = (first + 1 + random.below(members.length - 1)) % members.length;
    const a = (members[Math.min(first, second)] as number) * images + random.below(images);
    const b = (members[Math.max(first, second)] as number) * images + random.below(images);
    pairs.set(`${a} ${b}`, [a, b]);
  }
  return [...pairs.values()];
}

function requirePairs(kind: string, count: number, members: Int32Array, images: number, possible: number): void {
  if (count <= possible) return;
  throw new RangeError(
    `A fold of ${members.length} people with ${images} images each has ${possible} ${kind} pairs, not ${count}`,
  );
}
