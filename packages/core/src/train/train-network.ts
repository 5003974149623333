import type { Method, MethodSettings } from '../distill/method';
import { methods } from '../distill/registry';
import { linear } from '../nn/layers';
import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { Scope } from '../nn/scope';
import { checkPrecision, type Precision } from '../runtime/precision';
import { Program } from '../runtime/program';
import { State, type StateVariable } from '../runtime/state';
import type { Tensor } from '../runtime/tensorflow';
import { makeInference } from './inference';
import { loadNetwork } from './load-network';
import { isGradientSum, sgd } from './optimiser';
import { type Projector, perception } from './perception';
import { type SharedHead, shareHead, suitedTo } from './shared-head';
import type { Task } from './task';
import { checkpointFiles, type Outcome, type RunSurroundings, type TrainingSettings, train } from './trainer';
import { makeTrainingStep, microBatchSize } from './training-step';
import { averageOf, startAverage } from './weight-average';

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly method: Method;
  readonly settings: MethodSettings;
}

export interface NetworkTraining extends RunSurroundings {
  /** What the network is called in the terminal and its state: 'teacher' or 'student'. */
  readonly role: 'teacher' | 'student';
  readonly task: Task;
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly distillation?: Distillation;
  readonly sharedHead?: SharedHead;
  /** Runs steps operation by operation, for debugging. */
  readonly eager?: boolean;
  /** The network's blocks are computed again for their gradients, to take less memory: the same bits, in more time. */
  readonly recompute?: boolean;
  /** What convolutions and matrix products of the training steps compute in, the teacher's too; default: float32. */
  readonly precision?: Precision;
}

export interface TrainedNetwork extends Outcome {
  readonly parameters: number;
  /** In the folder: checkpoints, and what the task concluded with. */
  readonly files: readonly string[];
}

/**
 * Trains one network from scratch: alone, from a teacher, or under another network's head.
 * @throws UserError when a checkpoint does not fit, the device has not the precision, or training cannot go on
 */
export async function trainNetwork(options: NetworkTraining): Promise<TrainedNetwork> {
  const { role, task, settings, distillation, sharedHead, folder } = options;
  const { eager = false, recompute = false, precision = 'float32' } = options;
  checkPrecision(precision, eager);
  const { batchSize, accumulate } = settings;
  const imagesAtOnce = microBatchSize(batchSize, accumulate);
  const state = new State();
  const program = new Program(state, { eager });
  try {
    const network = buildNetwork(state, role, suitedTo(sharedHead, options.network), settings.seed, { recompute });
    if (sharedHead) shareHead(state, network, sharedHead);
    const teacher = distillation && loadNetwork(state, 'distilled-teacher', distillation.teacher);
    const projector = teacher && makeProjector(state, 'projector', network, teacher, settings.seed);
    const ofTeacher = under('distilled-teacher');
    const isFrozen = (entry: StateVariable) =>
      ofTeacher(entry) || (sharedHead?.use === 'frozen' && entry.name.startsWith(`${role}/head.`));
    const learned = state.all('trainable').filter((entry) => !isFrozen(entry));
    // The result is the average where there is one; it takes no part in its own making.
    const average = settings.emaDecay > 0 ? averaged(state, network, teacher) : undefined;
    const result = average ?? { network, projector };

    const { momentum, weightDecay, clipNorm } = settings;
    const optimiser = sgd(state, learned, {
      momentum,
      weightDecay,
      microBatches: accumulate,
      ...(clipNorm > 0 && { clipNorm }),
      // bfloat16 reaches as far as float32; in float16 small gradients would vanish.
      ...(precision === 'float16' && { lossScale: {} }),
    });
    const step = makeTrainingStep(program, {
      batchSize,
      accumulate,
      size: network.description.inputSize,
      optimiser,
      losses(pixels, labels) {
        const perceive = perception(network, pixels, labels, teacher, projector);
        const { method, settings: weights } = distillation ?? alone;
        return () => method.terms(perceive(), weights);
      },
      average: average?.follow,
      precision,
    });

    // As many images as training has at once: what fits the memory there does here.
    const inference = makeInference(program, result.network, { batchSize: imagesAtOnce });
    const outcome = await train({
      ...options,
      label: role,
      program,
      step,
      dataset: task.train,
      augment: task.augment,
      network: result.network,
      isTrained: (entry) => !ofTeacher(entry) && !isGradientSum(entry),
      evaluate: () => task.evaluate(inference),
      selectBy: task.selectBy,
    });
    // In the teacher's space, where the two can be compared.
    const comparable = result.projector
      ? makeInference(program, result.network, { batchSize: imagesAtOnce, project: result.projector })
      : inference;
    const left = await task.conclude(folder, comparable);
    return {
      ...outcome,
      parameters: count(network.variables().filter(({ kind }) => kind === 'trainable')),
      files: [checkpointFiles.last, checkpointFiles.best, ...left],
    };
  } finally {
    program.dispose();
    state.dispose();
  }
}

const alone = { method: methods.named('none'), settings: methods.named('none').defaults };

const count = (variables: readonly StateVariable[]): number =>
  variables.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const under =
  (root: string) =>
  ({ name }: StateVariable): boolean =>
    name.startsWith(`${root}/`);

interface Averaged {
  readonly network: Network;
  readonly projector: Projector | undefined;
  readonly follow: (share: Tensor) => void;
}

/** A network like `network`, and a projector where it has one to the teacher, whose variables are averages of theirs. */
function averaged(state: State, network: Network, teacher: Network | undefined): Averaged {
  const copy = buildNetwork(state, averageOf(network.root), network.description, undefined);
  const projector = teacher && makeProjector(state, averageOf('projector'), copy, teacher, undefined);
  const originals = state.all().filter(({ name }) => state.get(averageOf(name)) !== undefined);
  return { network: copy, projector, follow: startAverage(state, originals) };
}

/** A learned map from the student's embedding into the teacher's space; none where the sizes agree. */
function makeProjector(
  state: State,
  root: string,
  student: Network,
  teacher: Network,
  seed: number | undefined,
): Projector | undefined {
  const inputs = student.embeddingSize;
  const outputs = teacher.embeddingSize;
  if (inputs === outputs) return undefined;
  return linear(Scope.root(state, root, seed), { inputs, outputs, bias: false });
}
