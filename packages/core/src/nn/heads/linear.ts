import type { HeadDefinition } from '../head';
import { linear } from '../layers';

function linearHead(name: string, bias: boolean): HeadDefinition {
  return {
    name,
    build(scope, { inputs, classes, initialise, initialiseBias }) {
      const logits = linear(scope, { inputs, outputs: classes, bias, initialise, initialiseBias });
      return { inputs, classes, logits, trainingLogits: logits };
    },
  };
}

/** W z + b and W z: the classifiers of image classification networks. */
export default [linearHead('linear', true), linearHead('linear-no-bias', false)];
