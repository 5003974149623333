import type { Normalisation } from '../nn/normalisation';
import { fromTorch } from '../nn/torch-layout';
import type { NamedValues } from '../runtime/state';
import { type BackboneHints, chooseBackbone } from './choose-backbone';
import type { ExternalTensor } from './external-tensor';
import { findStateDict } from './state-dict';
import { readWeightsFile } from './weights-file';

export interface PretrainedWeights {
  readonly backbone: string;
  /** What images are normalised with where such weights are published; undefined: symmetric. */
  readonly normalisation: Normalisation | undefined;
  /** By our names, in our layout: all of the backbone's, and `head.*` where the file has a classifier. */
  readonly tensors: ReadonlyMap<string, NamedValues>;
}

/**
 * What a file of torch.save or safetensors has of a network to start a training from: its classifier may be of any
 * classes, or missing.
 * @throws UserError where the file cannot be read, or is not of the backbone that `hints` name: with what it is of
 */
export function pretrainedWeights(file: string, hints: BackboneHints): PretrainedWeights {
  const { content, refuse } = readWeightsFile(file);
  const fit = chooseBackbone(file, findStateDict(content, undefined, refuse), { ...hints, allowMissing: ['head'] });
  const { definition, classifier } = fit;
  const found = new Map<string, ExternalTensor>(fit.found);
  if (classifier) found.set('head.weight', classifier.weight);
  if (classifier?.bias) found.set('head.bias', classifier.bias);
  const tensors = [...found].map(([name, tensor]): [string, NamedValues] => [
    name,
    fromTorch({ shape: tensor.shape, values: tensor.values() }),
  ]);
  return { backbone: definition.name, normalisation: definition.normalisation, tensors: new Map(tensors) };
}
