import { type RowName, rowText } from '../../experiment/sweep/plan-sweep';

/** What tells whether two rows are of the same networks. */
export interface NamedNetwork {
  readonly name: RowName;
  readonly seed: number;
  /** The digest of its weights; undefined where it was not kept. */
  readonly weights?: string | undefined;
}

/**
 * The new name of each row that comes to the same networks as another of its title, bit by bit under every seed: they
 * differ in options that it does not read, such as the temperature of a loss of weight 0. Rows by their texts.
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
  return {
    title: names[0]?.title ?? '',
    settings: Object.fromEntries(options.map((option) => [option, values(option)])),
  };
}

/** What rows are held against, by their new names: a row that several have become, against what each of these was. */
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
