/** What does not work with --shard-classes. */
import type { NetworkDescription } from '../nn/network';
import type { Precision } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { variableShapes } from '../weights/parameter-shapes';
import type { Task } from './evaluation/task';

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
  readonly distillation?: unknown;
  readonly sharedHead?: unknown;
  readonly initial?: string | undefined;
}): void {
  const { role, task, network, distillation, sharedHead, initial } = training;
  const { head } = network;
  if (task.usage?.kind === 'classification') {
    throw new UserError(
      '--shard-classes is for trainings that are evaluated by embeddings, such as face recognition: no worker has the logits of all classes',
    );
  }
  const others = [...variableShapes(network).keys()].filter((name) => /^head\.(?!weight$)/.test(name));
  if (others.length > 0) {
    throw new UserError(
      `--shard-classes needs a head of one vector a class and nothing else, such as arcface, cosface or linear-no-bias; ${head} has ${others.join(' and ')} too`,
    );
  }
  if (distillation || sharedHead) {
    throw new UserError(
      `--shard-classes trains a network under its own head: the ${role} has a teacher or shares another network's head`,
    );
  }
  if (initial !== undefined) {
    throw new UserError(`--shard-classes starts from random class centres: leave --${role}-initial out`);
  }
}

/** @throws UserError where networks have teachers or share heads */
export function refuseShardClasses({ shardClasses }: { readonly shardClasses: boolean }): void {
  if (!shardClasses) return;
  throw new UserError(
    '--shard-classes trains one network under its own head, by the targets student and teacher: a teacher trained so distils by --teacher-weights=FILE without the flag',
  );
}
