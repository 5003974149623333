import type { RocCurve } from '../../evaluation/roc';

/**
 * The curve with the points that a picture needs: both ends, and those that differ from the one before by 0.1 % of
 * TAR or 1 % of their FAR; millions of pairs make millions of points.
 */
export function thinnedCurve({ far, tar, thresholds, genuine, impostor }: RocCurve): RocCurve {
  const kept: number[] = [];
  let last = -1;
  for (let i = 0; i < far.length; i++) {
    const moved =
      last < 0 ||
      i === far.length - 1 ||
      Math.abs((tar[i] as number) - (tar[last] as number)) >= 0.001 ||
      (far[i] as number) >= 1.01 * (far[last] as number) + 1e-12;
    if (!moved) continue;
    kept.push(i);
    last = i;
  }
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i] as number);
  return { far: pick(far), tar: pick(tar), thresholds: pick(thresholds), genuine, impostor };
}
