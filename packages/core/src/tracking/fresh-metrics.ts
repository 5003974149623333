import type { MetricPoint } from './event';
import { validName } from './parameters';

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
  const validNames = new Map<string, string>();
  const nameOf = (key: string): string => {
    let name = validNames.get(key);
    if (name === undefined) {
      name = validName(key);
      validNames.set(key, name);
    }
    return name;
  };
  const isFresh = (name: string, value: number, step: number, time: number): boolean => {
    const last = points.get(name);
    if (last === undefined) points.set(name, { name, value, step, time });
    else if (step <= last.step) return false;
    else {
      last.value = value;
      last.step = step;
      last.time = time;
    }
    return true;
  };
  return (metrics, step, time) => {
    const keys = Object.keys(metrics);
    const told = keys.filter((key) => isFresh(nameOf(key), metrics[key] as number, step, time));
    if (told.length === 0) return undefined;
    if (told.length === keys.length && told.every((key) => nameOf(key) === key)) return metrics;
    return Object.fromEntries(told.map((key) => [nameOf(key), metrics[key] as number]));
  };
}
