import { defineExperiment } from '@headshare/core/experiment/define';
import { checkEvaluation, evaluateOptions } from '../src/ijb/options';

export default defineExperiment({
  summary: 'Evaluate a network, or embeddings, on IJB-B or IJB-C',
  options: evaluateOptions,
  profiles: { ijbb: { protocol: 'ijbb' }, ijbc: { protocol: 'ijbc' } },
  check: checkEvaluation,
  run: async (context) => (await import('../src/ijb/run-evaluation')).runEvaluation(context),
});
