// Global objects are slow to reach under jest, and networks use tens of millions of numbers.
const { cos, imul, log, sqrt } = Math;

/**
 * Random numbers that depend only on a seed and a list of keys, not on earlier random numbers:
 * `stream(seed, 'crop', epoch, index)` gives the same numbers at any time and on any thread.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018, https://prng.di.unimi.it/xoshiro128starstar.c); its 128 bits
 * of state come from the keys through MurmurHash3's x86 32-bit rounds, once for each word of the state.
 */
export class RandomStream {
  // int32 rather than uint32: V8 stores those as small integers, without a heap number for every draw.
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(a: number, b: number, c: number, d: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    // The generator could not leave the state of all zeros.
    this.#d = (a | b | c | d) === 0 ? 1 : d | 0;
  }

  /** Integer in [-2^31, 2^31): 32 random bits, for callers that split them. */
  bits(): number {
    const scaled = imul(this.#b, 5);
    const result = imul((scaled << 7) | (scaled >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Integer in [0, 2^32). */
  uint32(): number {
    return this.bits() >>> 0;
  }

  /** Real in [0, 1), a multiple of 2^-32. */
  float(): number {
    return (this.bits() >>> 0) * 2 ** -32;
  }

  /** Real in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Integer in [0, count), without bias (Lemire, 2019): some draws are rejected. count in [1, 2^32]. */
  below(count: number): number {
    const limit = 2 ** 32 - (2 ** 32 % count);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % count;
    }
  }

  /** True with this probability; always takes one draw. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller, 1958); always takes two draws. */
  normal(): number {
    const radius = sqrt(-2 * log(1 - this.float()));
    return radius * cos(2 * Math.PI * this.float());
  }

  /** Puts the items into random order in place (Fisher and Yates; Durstenfeld, 1964). */
  shuffle<Items extends { readonly length: number; [index: number]: unknown }>(items: Items): Items {
    const list: { [index: number]: unknown } = items;
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const item = list[last];
      list[last] = list[other];
      list[other] = item;
    }
    return items;
  }
}

/**
 * The stream of random numbers of a seed and keys. Numbers must be integers (safe ones, negative too); strings name
 * purposes. Different lists of keys give unrelated streams: ('a', 1) is neither ('a1') nor (1, 'a').
 */
export function stream(seed: number, ...keys: readonly (number | string)[]): RandomStream {
  return new RandomStream(
    hash(0x9e3779b9, seed, keys),
    hash(0x243f6a88, seed, keys),
    hash(0xb7e15162, seed, keys),
    hash(0x6a09e667, seed, keys),
  );
}

function hash(start: number, seed: number, keys: readonly (number | string)[]): number {
  let state = number(start, seed);
  for (const key of keys) state = typeof key === 'string' ? text(state, key) : number(state, key);
  return finish(state ^ keys.length);
}

function number(state: number, value: number): number {
  if (!Number.isSafeInteger(value))
    throw new RangeError(`A seed or key of a random stream must be an integer, not ${value}`);
  return round(round(state, value | 0), Math.floor(value / 2 ** 32) | 0);
}

function text(state: number, value: string): number {
  let mixed = round(state, ~value.length);
  for (let i = 0; i < value.length; i++) mixed = round(mixed, value.charCodeAt(i));
  return mixed;
}

function round(state: number, word: number): number {
  const scrambled = imul(word, 0xcc9e2d51);
  const mixed = state ^ imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  return (imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(state: number): number {
  let mixed = state ^ (state >>> 16);
  mixed = imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
