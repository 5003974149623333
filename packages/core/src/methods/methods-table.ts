import type { Method } from '../distill/method';
import type { Table } from '../report/table';

const listed = (items: readonly string[]): string | undefined => (items.length > 0 ? items.join(', ') : undefined);

/** What methods learn by and with which published numbers, one a row. */
export function methodsTable(methods: readonly Method[]): Table {
  return {
    columns: [
      { title: 'name' },
      { title: 'also called' },
      { title: 'what' },
      ...['gamma', 'alpha', 'beta', 'delta', 'T'].map((title) => ({ title })),
      { title: 'own numbers' },
      { title: 'needs' },
      { title: 'source' },
    ],
    rows: methods.map(({ name, aliases, summary, source, needs, defaults }) => [
      name,
      listed(aliases),
      summary,
      // As they are published, with no more digits than that.
      ...[defaults.gamma, defaults.alpha, defaults.beta, defaults.delta, defaults.temperature].map(String),
      listed(Object.entries(defaults.hyper).map(([key, value]) => `${key}=${value}`)),
      listed(needs),
      source,
    ]),
    notes: [
      'The loss is gamma CE + alpha KD + beta times the method, where T softens predictions and delta weighs a second term.',
      'Own numbers are set by --method-options; needs are what a method reads of the networks besides predictions, or of the data.',
    ],
  };
}
