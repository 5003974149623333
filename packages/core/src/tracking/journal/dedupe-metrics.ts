import { validName } from '../parameters';
import type { LastPoint } from './resume-state';

type Metrics = Readonly<Record<string, number>>;

/**
 * Returns a function that keeps the metrics whose step is beyond their last one, under names that MLflow accepts;
 * undefined if there are none.
 * @param points the last points by valid name, updated on every call
 */
export function dedupeMetrics(
  points: Map<string, LastPoint>,
): (metrics: Metrics, step: number, time: number) => Metrics | undefined {
  // Spares a training step the making of valid names.
  const byKey = new Map<string, LastPoint>();
  const lastOf = (key: string): LastPoint => {
    let last = byKey.get(key);
    if (last === undefined) {
      const name = validName(key);
      last = points.get(name) ?? { name, value: Number.NaN, step: Number.NEGATIVE_INFINITY, time: 0 };
      points.set(name, last);
      byKey.set(key, last);
    }
    return last;
  };
  return (metrics, step, time) => {
    const fresh: [string, number][] = [];
    for (const [key, value] of Object.entries(metrics)) {
      const last = lastOf(key);
      if (last.step >= step) continue;
      Object.assign(last, { value, step, time });
      fresh.push([last.name, value]);
    }
    return fresh.length > 0 ? Object.fromEntries(fresh) : undefined;
  };
}
