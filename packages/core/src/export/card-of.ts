import type { Card, OutputName } from 'headshare-student/card';
import type { GraphOptions } from '../delivery/network-graph';
import { inputName } from '../delivery/network-graph';
import type { WeightType } from '../delivery/weights';
import { symmetric } from '../nn/normalisation';
import { heads } from '../nn/registry';
import { sides } from '../system/image-size';
import { parameterShapes } from '../weights/parameter-shapes';
import type { Source } from './source';

/** Whether a network's head is one of faces, whose embeddings are compared. */
export const isFaceHead = (head: string): boolean => heads.named(head).published !== undefined;

/** The outputs of an export that names none. */
export const usualOutputs = (head: string): readonly OutputName[] =>
  isFaceHead(head) ? ['embedding'] : ['logits', 'probabilities'];

/** The card of an export. */
export function cardOf(
  { network, made }: Source,
  { input, outputs, mirror, teacherSpace }: GraphOptions,
  weights: WeightType,
): Card {
  const {
    backbone,
    head,
    width,
    inputSize,
    classes,
    normalisation = symmetric,
    teacherSpace: mapped,
  } = network.description;
  const { embeddingSize } = parameterShapes(network.description);
  const parameters = [...network.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const run = made && {
    key: made.run.finished.key,
    title: made.run.title,
    ...(made.run.finished.address !== undefined && { mlflow: made.run.finished.address }),
  };
  return {
    version: 1,
    madeBy: 'headshare',
    network: {
      backbone,
      head,
      width,
      embeddingSize: teacherSpace && mapped ? mapped : embeddingSize,
      classes,
      parameters,
    },
    input: {
      name: inputName,
      form: input,
      ...sides(inputSize),
      colours: 'RGB',
      ...normalisation,
      preparation: { kind: 'none' },
    },
    outputs,
    mirror,
    teacherSpace,
    weights,
    task: isFaceHead(head) ? 'face' : 'classification',
    ...(run && { run, metrics: made.run.finished.result.metrics }),
  };
}
