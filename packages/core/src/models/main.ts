import { command, namedDefinitions } from '../experiment/command';
import { flag, integer, optional } from '../experiment/option';
import { measure } from '../nn/measure';
import { backbones } from '../nn/registry';
import { terminalTable } from '../report/terminal-table';
import { UserError } from '../system/user-error';
import { type MeasuredModel, modelsTable } from './models-table';

export const main = command(
  {
    summary: 'List networks with their size, cost and feature maps',
    usage: 'core:models [name ...] [--option=value ...]',
    options: {
      inputSize: optional(integer({ min: 1, max: 1024, help: 'width and height of images' }), 'as published'),
      classes: optional(integer({ min: 1, help: 'count a linear classifier of so many classes' }), 'backbone alone'),
      json: flag({ help: 'one JSON object per line instead of a table' }),
    },
  },
  ({ inputSize, classes, json }, names, print) => {
    const models = namedDefinitions(names, backbones, 'network').map(({ name, aliases = [] }): MeasuredModel => {
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
  },
);

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
