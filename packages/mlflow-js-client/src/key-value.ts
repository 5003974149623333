/** How MLflow writes params and tags. */
export interface KeyValue {
  key: string;
  value: string;
}

/** `{ a: '1' }` as MLflow writes it: `[{ key: 'a', value: '1' }]`. */
export function keyValues(values: Record<string, string>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

/** The opposite: `[{ key: 'a', value: '1' }]` as `{ a: '1' }`. */
export function fromKeyValues(entries: readonly KeyValue[] = []): Record<string, string> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}
