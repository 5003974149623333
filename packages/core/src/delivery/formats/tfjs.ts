import { join } from 'node:path';
import { cardKey } from 'headshare-student/card';
import { loadGraphModel } from '../../runtime/exported-models';
import { aboutFile, aboutName } from '../about';
import type { Format } from '../format';
import { tfjsModel, weightsFile } from '../tensorflow/tfjs-model';
import { writeTensorFlow } from '../tensorflow/write';
import { weightTypes } from '../weights';

export default {
  name: 'tfjs',
  summary: 'a GraphModel of TensorFlow.js: tf.loadGraphModel',
  ending: '/',
  contents: ['model.json', weightsFile, aboutName],
  weights: weightTypes,
  write(graph, card, { weights }) {
    const model = tfjsModel(writeTensorFlow(graph, 'tfjs', weights), weights, { [cardKey]: card });
    return [
      { path: 'model.json', parts: [JSON.stringify(model.json)] },
      { path: weightsFile, parts: model.weights },
      aboutFile(card),
    ];
  },
  async load(path, { input }) {
    const model = await loadGraphModel(join(path, 'model.json'), input.name);
    return { run: ({ values, shape }) => model.run(values, shape), close: async () => model.dispose() };
  },
} satisfies Format;
