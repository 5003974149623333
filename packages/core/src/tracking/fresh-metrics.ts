import { validName } from './parameters';

type Metrics = Readonly<Record<string, number>>;

/**
 * Keeps of a step's metrics what is beyond each one's last step, under names that MLflow takes; undefined when nothing
 * is. A step of training waits for it: what may be told as it is, as nearly always, is not copied.
 * @param lastSteps by valid name
 */
export function freshMetrics(
  lastSteps: ReadonlyMap<string, number>,
): (metrics: Metrics, step: number) => Metrics | undefined {
  const byName = new Map<string, Told>();
  const byKey = new Map<string, Told>();
  const toldOf = (key: string): Told => {
    let told = byKey.get(key);
    if (told === undefined) {
      const name = validName(key);
      told = byName.get(name) ?? { name, last: lastSteps.get(name) ?? Number.NEGATIVE_INFINITY };
      byName.set(name, told);
      byKey.set(key, told);
    }
    return told;
  };
  return (metrics, step) => {
    const all: Told[] = [];
    let isPlain = true;
    for (const key of Object.keys(metrics)) {
      const told = toldOf(key);
      isPlain &&= told.last < step && told.name === key;
      all.push(told);
    }
    if (isPlain) {
      for (const told of all) told.last = step;
      return all.length > 0 ? metrics : undefined;
    }
    const fresh: [string, number][] = [];
    for (const [key, value] of Object.entries(metrics)) {
      const told = toldOf(key);
      if (told.last >= step) continue;
      told.last = step;
      fresh.push([told.name, value]);
    }
    return fresh.length > 0 ? Object.fromEntries(fresh) : undefined;
  };
}

/** A metric by its valid name, and the last step at which it was told. */
interface Told {
  readonly name: string;
  last: number;
}
