import { loadSavedModel } from '../../runtime/exported-models';
import { aboutFile, aboutName } from '../about';
import type { Format } from '../format';
import { savedModelParts, servingTag, signatureName } from '../tensorflow/saved-model';
import { writeTensorFlow } from '../tensorflow/write';
import { weightTypes } from '../weights';

export default {
  name: 'saved-model',
  summary: "TensorFlow's SavedModel: TensorFlow, TensorFlow Serving, Keras",
  ending: '/',
  contents: ['saved_model.pb', 'variables', 'variables/.keep', aboutName],
  weights: weightTypes,
  write: (graph, card, { weights }) => [
    { path: 'saved_model.pb', parts: savedModelParts(writeTensorFlow(graph, 'tensorflow', weights)) },
    // Loaders look for the folder of variables, of which there are none.
    { path: 'variables/.keep', parts: [] },
    aboutFile(card),
  ],
  async load(path, { input }) {
    const model = await loadSavedModel(path, servingTag, signatureName, input.name);
    return { run: ({ values, shape }) => model.run(values, shape), close: async () => model.dispose() };
  },
} satisfies Format;
