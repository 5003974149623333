/** MLflow's form of a param or tag. */
export interface KeyValue {
  key: string;
  value: string;
}

/** Converts `{ a: '1' }` to `[{ key: 'a', value: '1' }]`. */
export function keyValues(values: Record<string, string>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

/** Converts `[{ key: 'a', value: '1' }]` to `{ a: '1' }`. */
export function fromKeyValues(entries: readonly KeyValue[] = []): Record<string, string> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}
