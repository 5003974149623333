import { explain } from '../experiment/failure';
import { measure } from '../nn/measure';
import { backbones } from '../nn/registry';
import { terminalTable } from '../report/terminal-table';
import { UserError } from '../system/user-error';
import { readArguments } from './arguments';
import { type MeasuredModel, modelsTable } from './models-table';

const usage = `The networks that there are, and what they take.
npx nx run core:models [names] [options]
  names            only these, by name or other name (all)
  --input-size=N   images of N x N pixels (what each was published for)
  --classes=N      with a linear classifier of N classes (the backbone alone)
  --json           one JSON object a line instead of a table`;

/** Returns the exit code: 0 done, 1 the work failed, 2 wrong usage. */
export function main(argv: readonly string[], print: (line: string) => void): number {
  try {
    const { help, json, names, inputSize, classes } = readArguments(argv);
    if (help) {
      print(usage);
      return 0;
    }
    const wanted = new Set(names.map((name) => backbones.named(name)));
    const definitions = backbones.all.filter((definition) => wanted.size === 0 || wanted.has(definition));
    const models = definitions.map(({ name, aliases = [] }): MeasuredModel => {
      try {
        return { name, aliases, ...measure(name, { inputSize, classes }) };
      } catch (error) {
        if (inputSize === undefined) throw error;
        throw new UserError(
          `--input-size: ${name} cannot take images of ${inputSize} pixels: ${(error as Error).message}`,
        );
      }
    });
    if (json) for (const model of models) print(JSON.stringify(model));
    else print(terminalTable(modelsTable(models, classes)));
    return 0;
  } catch (error) {
    const { message, exitCode } = explain(error);
    console.error(message);
    return exitCode;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
