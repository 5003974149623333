import { methods } from '../distill/registry';
import { command, namedDefinitions } from '../experiment/command';
import { flag } from '../experiment/option';
import { terminalTable } from '../report/terminal-table';
import { methodsTable } from './methods-table';

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

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
