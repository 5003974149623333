import type { NetworkMeasure } from '../nn/measure';
import type { Table } from '../report/table';

export interface MeasuredModel extends NetworkMeasure {
  readonly name: string;
  readonly aliases: readonly string[];
}

/** A row for each network. @param classes of linear classifiers that are counted too; undefined: backbones alone */
export function modelsTable(models: readonly MeasuredModel[], classes: number | undefined): Table {
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
