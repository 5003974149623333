import type { Normalisation } from '../nn/normalisation';
import type { NamedValues } from '../runtime/state';
import { type BackboneHints, chooseBackbone } from './choose-backbone';
import { tensorsOf } from './network-from-weights';
import { findStateDict } from './state-dict';
import { readWeightsFile } from './weights-file';

export interface PretrainedWeights {
  readonly backbone: string;
  /** The normalisation of the published weights; undefined: symmetric. */
  readonly normalisation: Normalisation | undefined;
  /** All of the backbone's tensors by our names and in our layout, and `head.*` where the file has a classifier. */
  readonly tensors: ReadonlyMap<string, NamedValues>;
  /** Sentences for the log: what was chosen in the file, and what left out. */
  readonly notes?: readonly string[];
}

/**
 * Weights to start a training from, in a file of torch.save or safetensors. Its classifier may have any number of classes, or
 * be missing. @param stateDict which of several networks in the file
 * @throws UserError when the file cannot be read, or belongs to another backbone than the one in `hints`, which it names
 */
export function pretrainedWeights(file: string, hints: BackboneHints, stateDict?: string): PretrainedWeights {
  const { content, refuse } = readWeightsFile(file);
  const { tensors, notes } = findStateDict(content, stateDict, refuse);
  const fit = chooseBackbone(file, tensors, { ...hints, allowMissing: ['head'] });
  const { definition, classifier } = fit;
  return {
    backbone: definition.name,
    normalisation: definition.normalisation,
    tensors: tensorsOf(file, fit, classifier),
    notes: [...notes, ...fit.notes],
  };
}
