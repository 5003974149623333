/** How far an exported model is from the network that it was made of. */

export interface Difference {
  readonly output: string;
  /** The largest difference of two numbers. */
  readonly largest: number;
  /** The largest number of the network's own output. */
  readonly scale: number;
  /** `largest` / `scale`; infinite where one of the two is not finite, or where a value is missing. */
  readonly relative: number;
}

type Outputs = Readonly<Record<string, Float32Array>>;

/** The difference of each output. */
export const differences = (expected: Outputs, actual: Outputs): readonly Difference[] =>
  Object.entries(expected).map(([output, values]) => ({ output, ...difference(values, actual[output]) }));

function difference(expected: Float32Array, actual: Float32Array | undefined): Omit<Difference, 'output'> {
  let [largest, scale] = [0, 0];
  const isWhole = actual?.length === expected.length;
  if (!isWhole) return { largest: Number.POSITIVE_INFINITY, scale, relative: Number.POSITIVE_INFINITY };
  for (const [i, value] of expected.entries()) {
    const apart = Math.abs(value - (actual[i] as number));
    // Also where one of them is NaN, which Math.max would keep, but comparisons skip.
    if (!(apart <= largest)) largest = Number.isFinite(apart) ? apart : Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(value));
  }
  return { largest, scale, relative: largest === 0 ? 0 : largest / scale };
}

/** The output that is farthest off. */
export const worst = (all: readonly Difference[]): Difference =>
  all.reduce((a, b) => (b.relative > a.relative ? b : a));
