import { validName } from '../parameters';
import type { MetricPoint } from './event';

type Metrics = Readonly<Record<string, number>>;

/** Written over by each step: what keeps one of its points copies it. */
export type LastPoint = { -readonly [K in keyof MetricPoint]: MetricPoint[K] };

/**
 * Keeps of a step's metrics what is beyond each one's last step, under names that MLflow takes; undefined when nothing
 * is. A step of training waits for it: what may be told as it is, as nearly always, is not copied.
 * @param points the last ones, by valid name; moved on
 */
export function freshMetrics(
  points: Map<string, LastPoint>,
): (metrics: Metrics, step: number, time: number) => Metrics | undefined {
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
    const all: LastPoint[] = [];
    let isPlain = true;
    for (const key of Object.keys(metrics)) {
      const last = lastOf(key);
      isPlain &&= last.step < step && last.name === key;
      all.push(last);
    }
    if (isPlain) {
      for (const last of all) move(last, metrics[last.name] as number, step, time);
      return all.length > 0 ? metrics : undefined;
    }
    const fresh: [string, number][] = [];
    for (const [key, value] of Object.entries(metrics)) {
      const last = lastOf(key);
      if (last.step >= step) continue;
      move(last, value, step, time);
      fresh.push([last.name, value]);
    }
    return fresh.length > 0 ? Object.fromEntries(fresh) : undefined;
  };
}

function move(point: LastPoint, value: number, step: number, time: number): void {
  point.value = value;
  point.step = step;
  point.time = time;
}
