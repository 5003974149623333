import { methods } from '../distill/registry';
import { readCommandArguments, requireNames } from '../experiment/command-arguments';
import { explain } from '../experiment/failure';
import { terminalTable } from '../report/terminal-table';
import { methodsTable } from './methods-table';

const usage = `The methods that students learn by, with their published weights.
npx nx run core:methods [names] [options]
  names    only these, by name or other name (all)
  --json   one JSON object a line instead of a table`;

/** Returns the exit code: 0 done, 2 wrong usage. */
export function main(argv: readonly string[], print: (line: string) => void): number {
  try {
    const given = readCommandArguments(argv, { help: { type: 'boolean' }, json: { type: 'boolean' } });
    if (given.flag('help')) {
      print(usage);
      return 0;
    }
    requireNames(given.names, methods.names, 'method');
    const wanted = new Set(given.names.map((name) => methods.named(name)));
    const chosen = methods.all.filter((method) => wanted.size === 0 || wanted.has(method));
    if (given.flag('json')) {
      for (const { name, aliases, summary, source, needs, defaults } of chosen) {
        print(JSON.stringify({ name, aliases, summary, source, needs, defaults }));
      }
    } else print(terminalTable(methodsTable(chosen)));
    return 0;
  } catch (error) {
    const { message, exitCode } = explain(error);
    console.error(message);
    return exitCode;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
