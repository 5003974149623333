import { type RowName, rowText } from '../../experiment/sweep/plan-sweep';

export interface NamedNetwork {
  readonly name: RowName;
  readonly seed: number;
  /** The digest of its weights; undefined where the run has none. */
  readonly weights?: string | undefined;
}

/**
 * Finds rows with the same weights under every seed: they differ in options without effect, such as the temperature of a
 * loss of weight 0.
 * @returns the joint name of each of them, by the row's text
 */
export function sameNetworks(networks: readonly NamedNetwork[]): ReadonlyMap<string, RowName> {
  const rows = new Map<string, NamedNetwork[]>();
  for (const one of networks) rows.set(rowText(one.name), [...(rows.get(rowText(one.name)) ?? []), one]);
  const alike = new Map<string, RowName[]>();
  for (const ofRow of rows.values()) {
    const [{ name }] = ofRow as [NamedNetwork];
    if (ofRow.some(({ weights }) => weights === undefined)) continue;
    const bits = ofRow.map(({ seed, weights }) => `${seed} ${weights}`).sort();
    const key = JSON.stringify([name.title, bits]);
    alike.set(key, [...(alike.get(key) ?? []), name]);
  }
  const several = [...alike.values()].filter((names) => names.length > 1);
  return new Map(several.flatMap((names) => names.map((name) => [rowText(name), joined(names)] as const)));
}

/** `temperature 2 or 4` */
function joined(names: readonly RowName[]): RowName {
  const options = [...new Set(names.flatMap(({ settings }) => Object.keys(settings)))];
  const values = (option: string): string => {
    const all = [...new Set(names.map(({ settings }) => settings[option] ?? 'by default'))];
    return all.length === 1 ? (all[0] as string) : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
  };
  const settings = Object.fromEntries(options.map((option) => [option, values(option)]));
  return { title: names[0]?.title ?? '', settings };
}

/** Baselines by new names of rows: a joint row has those of all its rows. */
export function underNewNames(
  baselines: ReadonlyMap<string, readonly string[]>,
  rename: (row: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const renamed = new Map<string, Set<string>>();
  for (const [row, others] of baselines) {
    const all = new Set([...(renamed.get(rename(row)) ?? []), ...others.map(rename)]);
    all.delete(rename(row));
    renamed.set(rename(row), all);
  }
  return new Map([...renamed].map(([row, others]) => [row, [...others]]));
}
