import { command, namedDefinitions } from '../experiment/command';
import { flag, integer, optional } from '../experiment/option';
import { size } from '../experiment/size-option';
import { measure, type NetworkMeasure } from '../nn/measure';
import { backbones } from '../nn/registry';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { sizeWords } from '../system/image-size';
import { UserError } from '../system/user-error';

export const main = command(
  {
    summary: 'List networks with their size, cost and feature maps',
    usage: 'core:models [name ...] [--option=value ...]',
    options: {
      inputSize: optional(size({ min: 1, max: 1024, help: 'size of images: 224, or 112x96' }), 'as published'),
      classes: optional(integer({ min: 1, help: 'also count a linear classifier with N classes' }), 'backbone alone'),
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
          `--input-size: ${name} cannot take images of ${sizeWords(inputSize)} pixels: ${(error as Error).message}`,
        );
      }
    });
    if (json) for (const model of models) print(JSON.stringify(model));
    else print(terminalTable(modelsTable(models, classes)));
  },
);

interface MeasuredModel extends NetworkMeasure {
  readonly name: string;
  readonly aliases: readonly string[];
}

/** A row for each network. @param classes of linear classifiers that are counted too; undefined: backbones alone */
function modelsTable(models: readonly MeasuredModel[], classes: number | undefined): Table {
  const counted = classes === undefined ? 'without a classifier' : `with a linear classifier of ${classes} classes`;
  return {
    columns: [
      { title: 'name' },
      { title: 'also called' },
      { title: 'input', digits: 0 },
      { title: 'embedding', digits: 0 },
      { title: 'parameters, M', digits: 3 },
      { title: 'multiply-adds, M', digits: 1 },
      { title: 'features' },
    ],
    rows: models.map((model) => [
      model.name,
      model.aliases.length > 0 ? model.aliases.join(', ') : undefined,
      model.inputSize,
      model.embeddingSize,
      model.parameters / 1e6,
      model.multiplyAdds / 1e6,
      model.features.map((shape) => shape.join('x')).join(' '),
    ]),
    notes: [
      `Parameters, and multiply-adds of convolutions and linear layers for one image, in millions, ${counted}.`,
      'Features: height x width x channels of the feature maps that feature methods use.',
    ],
  };
}

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
