/** The values that a hyperparameter may have; default: any number of at least 0. */
export interface HyperRange {
  readonly min?: number;
  readonly max?: number;
  /** Instead of `min`: a bound that is not valid itself. */
  readonly above?: number;
  /** Whole numbers only. */
  readonly whole?: true;
}

export function isInRange(value: number, { min = 0, max = Number.MAX_VALUE, above, whole }: HyperRange): boolean {
  if (whole && !Number.isSafeInteger(value)) return false;
  return (above === undefined ? value >= min : value > above) && value <= max;
}

/** `a whole number of at least 1`, `a number above 0 and at most 1`. */
export function rangeWords({ min = 0, max, above, whole }: HyperRange): string {
  const lower = above === undefined ? `of at least ${min}` : `above ${above}`;
  return `a ${whole ? 'whole ' : ''}number ${lower}${max === undefined ? '' : ` and at most ${max}`}`;
}
