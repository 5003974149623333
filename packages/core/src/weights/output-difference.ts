/** How far the outputs of two networks for the same images are apart. */
export interface OutputDifference {
  readonly images: number;
  /** The largest difference; NaN where an output is not a number. */
  readonly difference: number;
  /** The largest of the expected outputs, without its sign. */
  readonly largest: number;
}

export function differenceOf(ours: ArrayLike<number>, theirs: ArrayLike<number>, images: number): OutputDifference {
  let difference = ours.length === theirs.length ? 0 : Number.NaN;
  let largest = 0;
  for (let i = 0; i < theirs.length; i++) {
    const [a = Number.NaN, b = Number.NaN] = [ours[i], theirs[i]];
    const gap = Math.abs(a - b);
    if (!(gap <= difference)) difference = Number.isNaN(difference) ? difference : gap;
    largest = Math.max(largest, Math.abs(b));
  }
  return { images, difference, largest };
}

/** For a line of a log. @param to the program or the file that gives the expected outputs */
export function differenceText({ images, difference, largest }: OutputDifference, to: string): string {
  const where = `${images} ${images === 1 ? 'image' : 'images'}`;
  return `its outputs are those of ${to} on ${where}; the largest difference is ${difference.toPrecision(2)}, of values up to ${largest.toPrecision(3)}`;
}
