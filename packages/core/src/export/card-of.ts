import type { Card, OutputName, Thresholds } from 'headshare-student/card';
import type { GraphOptions } from '../delivery/network-graph';
import { inputName } from '../delivery/network-graph';
import type { WeightType } from '../delivery/weights';
import { symmetric } from '../nn/normalisation';
import { heads } from '../nn/registry';
import { sides } from '../system/image-size';
import type { Usage } from '../train/evaluation/task';
import { deployedParameters, parameterShapes } from '../weights/parameter-shapes';
import type { Source, SourceRun } from './source';
import { teacherOf } from './thresholds';

/** Whether a network's head is one of faces, whose embeddings are compared. */
export const isFaceHead = (head: string): boolean => heads.named(head).published !== undefined;

/** The outputs of an export that names none. */
export const usualOutputs = (head: string): readonly OutputName[] =>
  isFaceHead(head) ? ['embedding'] : ['logits', 'probabilities'];

/** The facts of a card that come from the network's run. */
export interface Origin {
  readonly usage?: Usage | undefined;
  readonly thresholds?: Thresholds | undefined;
}

/** The card of an export. */
export function cardOf(
  { network, made }: Source,
  { usage, thresholds }: Origin,
  { input, outputs, mirror, teacherSpace }: GraphOptions,
  weights: WeightType,
): Card {
  const { inputSize, normalisation = symmetric, head } = network.description;
  return {
    version: 1,
    madeBy: 'headshare',
    network: networkOf(network, teacherSpace),
    input: {
      name: inputName,
      form: input,
      ...sides(inputSize),
      colours: 'RGB',
      ...normalisation,
      preparation: usage?.preparation ?? { kind: 'none' },
    },
    outputs,
    mirror,
    teacherSpace,
    weights,
    task: usage?.kind ?? (isFaceHead(head) ? 'face' : 'classification'),
    ...(usage?.classNames && { classNames: usage.classNames }),
    ...(made && runOf(made)),
    ...(thresholds && { thresholds }),
    ...cautionOf(made, usage),
  };
}

function networkOf({ description }: Source['network'], teacherSpace: boolean): Card['network'] {
  const { backbone, head, width, classes, teacherSpace: mapped } = description;
  const { embeddingSize } = parameterShapes(description);
  return {
    backbone,
    head,
    width,
    embeddingSize: teacherSpace && mapped !== undefined ? mapped : embeddingSize,
    classes,
    parameters: deployedParameters(description),
  };
}

function runOf({ run }: SourceRun): Pick<Card, 'run' | 'teacher' | 'metrics'> {
  const { finished, title, identity } = run;
  const teacher = teacherOf({ run });
  const backbone = teacher && identity.options[teacher.experiment]?.teacher;
  return {
    run: { key: finished.key, title, ...(finished.address !== undefined && { mlflow: finished.address }) },
    ...(teacher && typeof backbone === 'string' && { teacher: { backbone, run: teacher.key } }),
    metrics: finished.result.metrics,
  };
}

/** Why the numbers of a card say little. */
function cautionOf(made: SourceRun | undefined, usage: Usage | undefined): Pick<Card, 'caution'> {
  const profile = made?.run.profile === 'smoke' ? 'trained for seconds, by the profile smoke' : undefined;
  const all = [profile, usage?.caution].filter((one) => one !== undefined);
  return all.length > 0 ? { caution: all.join('; ') } : {};
}
