import type { Classifier } from './backbone-fit';
import { type ExternalTensor, isExternalTensor } from './external-tensor';
import { findStateDict, insightfaceCentres } from './state-dict';
import { readWeightsFile } from './weights-file';

const ofInsightface = (content: unknown) => content instanceof Map && content.has(insightfaceCentres);

/**
 * A classifier in a file of its own: a tensor [classes, embedding], or a dict with one and perhaps a bias (insightface's
 * partial_fc saves its class centres as `weight`).
 * @throws UserError where there is no such tensor, or several.
 */
export function readClassCentres(file: string, embeddingSize: number): Classifier {
  const { content, refuse } = readWeightsFile(file);
  const tensors: ReadonlyMap<string, ExternalTensor> = isExternalTensor(content)
    ? new Map([['weight', content]])
    : findStateDict(content, ofInsightface(content) ? insightfaceCentres : undefined, refuse);
  const centres = [...tensors].filter(([, { shape }]) => shape.length === 2 && shape[1] === embeddingSize);
  const [only] = centres;
  if (!only || centres.length > 1) {
    throw refuse(`a classifier is one tensor [classes, ${embeddingSize}], of which it holds ${centres.length}`);
  }
  const [name, weight] = only;
  const layer = name.replace(/\.?weight$/, '');
  const bias = tensors.get(layer === '' ? 'bias' : `${layer}.bias`);
  const fits = bias?.shape.length === 1 && bias.shape[0] === weight.shape[0];
  return { name: layer, weight, bias: fits ? bias : undefined };
}
