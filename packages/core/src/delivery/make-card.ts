import type { Card, OutputName, Preparation } from 'headshare-student/card';
import type { NetworkDescription } from '../nn/network';
import { symmetric } from '../nn/normalisation';
import { heads } from '../nn/registry';
import { sides } from '../system/image-size';
import { deployedParameters, parameterShapes } from '../weights/parameter-shapes';
import { type GraphOptions, inputName } from './network-graph';
import type { WeightType } from './weights';

/** What a card says besides network and options. */
export interface CardFacts
  extends Pick<Card, 'activations' | 'task' | 'classNames' | 'run' | 'teacher' | 'metrics' | 'thresholds' | 'caution'> {
  /** Default: none. */
  readonly preparation?: Preparation;
}

/** Whether a network's head is one of faces, whose embeddings are compared. */
export const isFaceHead = (head: string): boolean => heads.named(head).published !== undefined;

/** The outputs of an export that names none. */
export const usualOutputs = (head: string): readonly OutputName[] =>
  isFaceHead(head) ? ['embedding'] : ['logits', 'probabilities'];

/** The card of an exported network. */
export function makeCard(
  description: NetworkDescription,
  { preparation = { kind: 'none' }, task, ...facts }: CardFacts,
  { input, outputs, mirror, teacherSpace }: GraphOptions,
  weights: WeightType,
): Card {
  const { backbone, head, width, classes, inputSize, normalisation = symmetric, teacherSpace: mapped } = description;
  const { embeddingSize } = parameterShapes(description);
  return {
    version: 1,
    madeBy: 'headshare',
    network: {
      backbone,
      head,
      width,
      embeddingSize: teacherSpace && mapped !== undefined ? mapped : embeddingSize,
      classes,
      parameters: deployedParameters(description),
    },
    input: { name: inputName, form: input, ...sides(inputSize), colours: 'RGB', ...normalisation, preparation },
    outputs,
    mirror,
    teacherSpace,
    weights,
    task: task ?? (isFaceHead(head) ? 'face' : 'classification'),
    // Absent facts must not appear as undefined.
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
  };
}
