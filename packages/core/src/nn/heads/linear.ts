import { addBias } from '../../runtime/ops/linear';
import { gatherRows } from '../../runtime/ops/rows';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../runtime/tensorflow';
import type { Head, HeadDefinition, HeadShape } from '../head';
import { linearDefault } from '../initialisers';
import { linear } from '../layers';
import type { Scope } from '../scope';

function linearHead(name: string, summary: string, bias: boolean): HeadDefinition {
  return {
    name,
    summary,
    build(scope, shape) {
      if (shape.classRows) return ofRows(scope, shape, bias);
      const { inputs, classes, initialise, initialiseBias } = shape;
      const logits = linear(scope, { inputs, outputs: classes, bias, initialise, initialiseBias });
      return { inputs, classes, logits, trainingLogits: logits };
    },
  };
}

/** A linear head with one row per class. Gradients reach sampled rows, but not sampled biases. */
function ofRows(scope: Scope, shape: HeadShape, bias: boolean): Head {
  const { inputs, classes, initialise = linearDefault(inputs), initialiseBias = linearDefault(inputs) } = shape;
  const weight = scope.weight('weight', [inputs, classes], initialise, { transposed: true }) as Tensor as Tensor2D;
  const offset = bias ? scope.weight('bias', [classes], initialiseBias) : undefined;
  const over = (rows: Tensor2D, count: number, offsets: Tensor | undefined): Head => {
    const logits = (embedding: Tensor2D) => {
      const products = tf.matMul(embedding, rows, false, true) as Tensor2D;
      return offsets ? addBias(products, offsets) : products;
    };
    return { inputs, classes: count, logits, trainingLogits: logits };
  };
  return {
    ...over(weight, classes, offset),
    sampled(sample: Tensor1D) {
      const rows = gatherRows(weight, sample) as Tensor2D;
      return { ...over(rows, sample.size, offset && gatherRows(offset, sample)), sample, rows };
    },
  };
}

/** W z + b and W z: the classifiers of image classification networks. */
export default [
  linearHead('linear', 'a linear layer with bias: the classifier of image classification networks', true),
  linearHead('linear-no-bias', 'a linear layer without bias', false),
];
