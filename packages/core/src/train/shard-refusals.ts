/** What does not work with --shard-classes. */
import type { ChosenMethod } from '../distill/combine-methods';
import type { Method, Need } from '../distill/method';
import { methods } from '../distill/registry';
import type { NetworkDescription } from '../nn/network';
import type { Precision } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { variableShapes } from '../weights/parameter-shapes';
import type { GivenWeights } from './build';
import type { Task } from './evaluation/task';
import type { Distillation } from './settings';

/** @throws UserError for settings that do not work with classes that are spread over workers */
export function checkShardClasses(settings: {
  readonly classShare: number;
  readonly emaDecay: number;
  readonly labelSmoothing: number;
  readonly mixup: number;
  readonly cutmix: number;
  readonly precision: Precision;
}): void {
  const { classShare, emaDecay, labelSmoothing, mixup, cutmix, precision } = settings;
  const refused = {
    [`--class-share=${classShare}`]: classShare < 1,
    [`--ema-decay=${emaDecay}`]: emaDecay > 0,
    [`--label-smoothing=${labelSmoothing}`]: labelSmoothing > 0,
    [`--mixup=${mixup}`]: mixup > 0,
    [`--cutmix=${cutmix}`]: cutmix > 0,
    '--precision=float16': precision === 'float16',
  };
  const [option] = Object.entries(refused).find(([, isGiven]) => isGiven) ?? [];
  if (option) throw new UserError(`--shard-classes does not work with ${option}: leave one of the two out`);
}

/** @throws UserError for a training whose head cannot be spread over workers */
export function checkSharable(training: {
  readonly role: string;
  readonly task: Pick<Task, 'usage'>;
  readonly network: NetworkDescription;
  readonly distillation?: Pick<Distillation, 'method' | 'predictionShare' | 'cache'>;
  readonly initial?: string | undefined;
}): void {
  const { role, task, network, distillation, initial } = training;
  if (task.usage?.kind === 'classification') {
    throw new UserError(
      '--shard-classes is for trainings that are evaluated by embeddings, such as face recognition: no worker has the logits of all classes',
    );
  }
  requireClassVectors(network, '--shard-classes needs');
  if (distillation) checkSharedDistillation(distillation);
  if (initial !== undefined) {
    throw new UserError(`--shard-classes starts from random class centres: leave --${role}-initial out`);
  }
}

/** @throws UserError for a teacher or a shared head whose classes cannot be spread over workers */
export function checkGivenHeads({ teacher, sharedHead }: GivenWeights): void {
  for (const given of [teacher, sharedHead]) {
    if (given) requireClassVectors(given.description, `${given.file}: --shard-classes needs`);
  }
}

function requireClassVectors(network: NetworkDescription, needs: string): void {
  const others = [...variableShapes(network).keys()].filter((name) => /^head\.(?!weight$)/.test(name));
  if (others.length === 0) return;
  throw new UserError(
    `${needs} a head of one vector a class and nothing else, such as arcface, cosface or linear-no-bias; ${network.head} has ${others.join(' and ')} too`,
  );
}

/** @throws UserError for a distillation that needs more of the classes than softmaxes over workers */
export function checkSharedDistillation({
  method,
  predictionShare = 0,
  cache,
}: Pick<Distillation, 'method' | 'predictionShare' | 'cache'>): void {
  if (!isSharable(method)) {
    const known = methods.all.filter(isSharable).map(({ name }) => name);
    throw new UserError(
      `--shard-classes does not work with --method=${method.name}; it works with ${known.join(', ')}, and sums of them`,
    );
  }
  if (predictionShare > 0) {
    throw new UserError(
      `--shard-classes does not work with --prediction-share=${predictionShare}: leave one of the two out`,
    );
  }
  if (cache && !cache.isOptional)
    throw new UserError('--shard-classes does not work with --teacher-cache: leave one of the two out');
}

/** Embeddings are a worker's own; softmaxes over all classes are in cross-entropy, KD and TH-KD. */
const sharableNeeds: readonly Need[] = ['embedding', 'teacher-head'];

const isSharable = ({ needs, studentHead }: Pick<Method | ChosenMethod, 'needs' | 'studentHead'>): boolean =>
  studentHead === undefined && [...needs].every((need) => sharableNeeds.includes(need));
