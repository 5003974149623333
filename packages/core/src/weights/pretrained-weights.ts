import type { NetworkDescription } from '../nn/network';
import type { Normalisation } from '../nn/normalisation';
import { backbones } from '../nn/registry';
import type { NamedValues } from '../runtime/state';
import { type BackboneHints, chooseBackbone } from './choose-backbone';
import { describedTensors } from './exported-description';
import { inOurLayout, tensorsOf } from './network-from-weights';
import { parameterShapes } from './parameter-shapes';
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
  const { content, refuse, description } = readWeightsFile(file);
  const exported = describedTensors(description, content);
  if (exported && isSameBackbone(exported.description, hints)) {
    const { backbone, normalisation } = exported.description;
    return { backbone, normalisation, tensors: inOurLayout(file, exported.tensors, (name) => name) };
  }
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

function isSameBackbone(
  own: NetworkDescription,
  { backbone, width = 1, embeddingSize, inputSize }: BackboneHints,
): boolean {
  if (backbone === undefined || backbones.named(backbone).name !== backbones.named(own.backbone).name) return false;
  const { head: _, classes: __, ...sizes } = own;
  const wanted = { backbone: own.backbone, width, ...(embeddingSize !== undefined && { embeddingSize }) };
  const [theirs, ours] = [
    parameterShapes(sizes),
    parameterShapes({ ...wanted, inputSize: inputSize ?? own.inputSize }),
  ];
  return [...theirs.backbone].every(([name, shape]) => ours.backbone.get(name)?.join() === shape.join());
}
