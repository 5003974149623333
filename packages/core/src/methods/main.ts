import type { Method } from '../distill/method';
import { methods } from '../distill/registry';
import { command, namedDefinitions } from '../experiment/command';
import { flag } from '../experiment/option';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';

export const main = command(
  {
    summary: 'List distillation methods with their published weights and hyperparameters',
    usage: 'core:methods [name ...] [--json]',
    options: { json: flag({ help: 'one JSON object per line instead of a table' }) },
  },
  ({ json }, names, print) => {
    const chosen = namedDefinitions(names, methods, 'method');
    if (!json) return print(terminalTable(methodsTable(chosen)));
    for (const { name, aliases, summary, source, needs, defaults } of chosen) {
      print(JSON.stringify({ name, aliases, summary, source, needs, defaults }));
    }
  },
);

const listed = (items: readonly string[]): string | undefined => (items.length > 0 ? items.join(', ') : undefined);

/** A row for each method, with its published weights and hyperparameters. */
function methodsTable(methods: readonly Method[]): Table {
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

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
