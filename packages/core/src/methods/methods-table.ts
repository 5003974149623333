import type { Method } from '../distill/method';
import type { Table } from '../report/table';

const listed = (items: readonly string[]): string | undefined => (items.length > 0 ? items.join(', ') : undefined);

/** A row for each method, with its published weights and hyperparameters. */
export function methodsTable(methods: readonly Method[]): Table {
  return {
    columns: [
      { title: 'name' },
      { title: 'also called' },
      { title: 'summary' },
      ...['gamma', 'alpha', 'beta', 'delta', 'T'].map((title) => ({ title })),
      { title: 'hyperparameters' },
      { title: 'needs' },
      { title: 'source' },
    ],
    rows: methods.map(({ name, aliases, summary, source, needs, defaults }) => [
      name,
      listed(aliases),
      summary,
      // Text, because the table would round the published numbers.
      ...[defaults.gamma, defaults.alpha, defaults.beta, defaults.delta, defaults.temperature].map(String),
      listed(Object.entries(defaults.hyper).map(([key, value]) => `${key}=${value}`)),
      listed(needs),
      source,
    ]),
    notes: [
      "The loss is gamma CE + alpha KD + beta times the method's term; T is KD's temperature, delta weighs a second term.",
      '--method-options sets hyperparameters. Needs: outputs of the networks besides predictions, or properties of the data.',
    ],
  };
}
