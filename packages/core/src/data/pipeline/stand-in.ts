/**
 * The image that is read in place of `index` after `from` (at first `index` itself) turned out damaged: the next one of
 * the same class, from the first again after the last, that is not among the damaged. Undefined where all are.
 */
export function nextOfClass(
  labels: Int32Array,
  index: number,
  from: number,
  damaged: { has(index: number): boolean },
): number | undefined {
  for (let next = (from + 1) % labels.length; next !== index; next = (next + 1) % labels.length) {
    if (labels[next] === labels[index] && !damaged.has(next)) return next;
  }
  return undefined;
}
