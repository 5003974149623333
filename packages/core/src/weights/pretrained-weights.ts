import type { Normalisation } from '../nn/normalisation';
import type { NamedValues } from '../runtime/state';
import { type BackboneHints, chooseBackbone } from './choose-backbone';
import type { ExternalTensor } from './external-tensor';
import { inOurLayout } from './network-from-weights';
import { findStateDict } from './state-dict';
import { readWeightsFile } from './weights-file';

export interface PretrainedWeights {
  readonly backbone: string;
  /** The normalisation of the published weights; undefined: symmetric. */
  readonly normalisation: Normalisation | undefined;
  /** All of the backbone's tensors by our names and in our layout, and `head.*` where the file has a classifier. */
  readonly tensors: ReadonlyMap<string, NamedValues>;
}

/**
 * Weights to start a training from, in a file of torch.save or safetensors. Its classifier may have any number of classes, or
 * be missing.
 * @throws UserError when the file cannot be read, or belongs to another backbone than the one in `hints`, which it names
 */
export function pretrainedWeights(file: string, hints: BackboneHints): PretrainedWeights {
  const { content, refuse } = readWeightsFile(file);
  const fit = chooseBackbone(file, findStateDict(content, undefined, refuse), { ...hints, allowMissing: ['head'] });
  const { definition, classifier } = fit;
  const found = new Map<string, ExternalTensor>(fit.found);
  if (classifier) found.set('head.weight', classifier.weight);
  if (classifier?.bias) found.set('head.bias', classifier.bias);
  return { backbone: definition.name, normalisation: definition.normalisation, tensors: inOurLayout(found) };
}
