import { validName } from './parameters';

type Metrics = Readonly<Record<string, number>>;

/**
 * Keeps of a step's metrics what is beyond each one's last step, under names that MLflow takes; undefined when nothing
 * is. A step of training waits for it: what may be told as it is, as nearly always, is not copied.
 * @param lastSteps by valid name; moved on
 */
export function freshMetrics(lastSteps: Map<string, number>): (metrics: Metrics, step: number) => Metrics | undefined {
  const validNames = new Map<string, string>();
  const nameOf = (key: string): string => {
    let name = validNames.get(key);
    if (name === undefined) {
      name = validName(key);
      validNames.set(key, name);
    }
    return name;
  };
  const isFresh = (name: string, step: number): boolean => {
    if (step <= (lastSteps.get(name) ?? Number.NEGATIVE_INFINITY)) return false;
    lastSteps.set(name, step);
    return true;
  };
  return (metrics, step) => {
    const keys = Object.keys(metrics);
    const told = keys.filter((key) => isFresh(nameOf(key), step));
    if (told.length === 0) return undefined;
    if (told.length === keys.length && told.every((key) => nameOf(key) === key)) return metrics;
    return Object.fromEntries(told.map((key) => [nameOf(key), metrics[key] as number]));
  };
}
