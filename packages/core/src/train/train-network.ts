import { join } from 'node:path';
import { repeatOf, type Views, viewsOf } from '../data/views';
import type { Criterion, Pretraining } from '../distill/method';
import type { Objective } from '../distill/objective';
import { objectiveOf } from '../distill/objective';
import { partsOf } from '../distill/pretraining';
import { methods } from '../distill/registry';
import { isOfBackbone } from '../nn/backbone-variables';
import type { Mode } from '../nn/layers';
import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { checkPrecision, type Precision } from '../runtime/precision';
import { Program } from '../runtime/program';
import { State, type StateVariable } from '../runtime/state';
import type { Tensor } from '../runtime/tensorflow';
import { checkClassShare, classSampler } from './class-sampling';
import { criterionFor } from './criterion';
import { agreementMetrics, type HeadAgreement, headAgreement } from './head-agreement';
import { makeInference } from './inference';
import { startFrom } from './initial-weights';
import { loadNetwork } from './load-network';
import { checkMixing, isMixing, requireMixable } from './mixing';
import { isGradientSum, sgd } from './optimiser';
import { perception } from './perception';
import { hasResumePoint, previousOf } from './resume-point';
import { headSampling } from './sampled-heads';
import { copyHead, type SharedHead, shareHead, suitedTo } from './shared-head';
import { choosingMetric, type Task } from './task';
import { checkCachedMethods, checkUnmixed, endlessViews } from './teacher-cache/refusals';
import { openTeacherCache, type TeacherCache, type TeacherCacheOptions } from './teacher-cache/teacher-cache';
import {
  checkpointFiles,
  type Metrics,
  type Outcome,
  type RunSurroundings,
  type TrainingSettings,
  train,
} from './trainer';
import { makeTrainingStep, microBatchSize } from './training-step';
import { averageOf, startAverage } from './weight-average';

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly objective: Objective;
  /** How much the teacher's head has of the student's predictions in evaluation, 0..1; default: nothing. */
  readonly predictionShare?: number;
  /** How many drawn views of each image training shows in turn; default 0: the augmentation draws anew each epoch. */
  readonly views?: number;
  /** The teacher's embeddings are read from a file, which is made first; default: the teacher runs in every step. */
  readonly cache?: TeacherCacheOptions;
}

export interface NetworkTraining extends RunSurroundings {
  /** What the network is called in the terminal and its state: 'teacher' or 'student'. */
  readonly role: 'teacher' | 'student';
  readonly task: Task;
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly distillation?: Distillation;
  readonly sharedHead?: SharedHead;
  /** A file of weights that training starts from, instead of random ones: see `startFrom`. */
  readonly initial?: string;
  /** Runs steps operation by operation, for debugging. */
  readonly eager?: boolean;
  /** The network's blocks are computed again for their gradients, to take less memory: the same bits, in more time. */
  readonly recompute?: boolean;
  /**
   * The share of all classes that takes part in a step (Partial FC), in (0, 1]; default 1: all. Of momentum and weight
   * decay of the classes' weights too, only those of the classes that take part are moved.
   */
  readonly classShare?: number;
  /** What convolutions and matrix products of the training steps compute in, the teacher's too; default: float32. */
  readonly precision?: Precision;
}

export interface TrainedNetwork extends Outcome {
  /** Of the backbone and its head, not of what only its training needed. */
  readonly parameters: number;
  /** In the folder: checkpoints, and what the task concluded with. */
  readonly files: readonly string[];
  /** In the folder: what only going on with training needed. */
  readonly passing: readonly string[];
  /** How its head goes together with its teacher's, where they can be compared. */
  readonly heads?: HeadAgreement;
}

/** The root of the teacher's variables. */
const teacherRoot = 'distilled-teacher';

/**
 * Trains one network, from random weights or from given ones: alone, from a teacher, or under another network's head.
 * @throws UserError when a checkpoint does not fit, the device has not the precision, or training cannot go on
 */
export async function trainNetwork(options: NetworkTraining): Promise<TrainedNetwork> {
  const { role, task, settings, distillation, folder } = options;
  const { eager = false, recompute = false, precision = 'float32', classShare = 1 } = options;
  checkPrecision(precision, eager);
  checkClassShare({ ...settings, classShare });
  checkMixing(settings);
  if (distillation) requireMixable(settings, distillation.objective);
  const { batchSize, accumulate, seed } = settings;
  const imagesAtOnce = microBatchSize(batchSize, accumulate);
  const state = new State();
  const program = new Program(state, { eager });
  const views = viewsOf(task.train, task.augment, distillation?.views ?? 0);
  let cache: TeacherCache | undefined;
  try {
    const classRows = classShare < 1;
    cache = await cacheOf(options, views, imagesAtOnce);
    const teacher =
      distillation &&
      (cache?.network(state, teacherRoot, { classRows }) ??
        loadNetwork(state, teacherRoot, distillation.teacher, undefined, { classRows }));
    const sharedHead = options.sharedHead ?? headOfTeacher(distillation);
    const suited = describe(suitedTo(sharedHead, options.network), teacher, distillation);
    const network = buildNetwork(state, role, suited, seed, { recompute, classRows });
    const isResumed = hasResumePoint(join(folder, checkpointFiles.training));
    for (const line of isResumed ? [] : begin(state, network, options, !sharedHead)) options.log(`${role}: ${line}`);
    if (sharedHead) shareHead(state, network, sharedHead);
    if (suited.blend && distillation) copyHead(state, network, distillation.teacher, 'teacher_head');
    const criterion = criterionFor(state, distillation?.objective ?? alone, {
      network,
      teacher,
      teacherShape: cache?.shape,
      task,
      seed,
    });
    const frozen = [
      `${teacherRoot}/`,
      `${role}/teacher_head.`,
      ...(sharedHead?.use === 'frozen' ? [`${role}/head.`] : []),
    ];
    const sampling = classRows
      ? {
          ...classSampler({ classes: task.train.classes, share: classShare, batchSize, seed }),
          heads: headSampling(network, teacher, sharedHead?.use === 'frozen'),
        }
      : undefined;
    const isFrozen = ({ name }: StateVariable) => frozen.some((prefix) => name.startsWith(prefix));
    const learnable = state.all('trainable').filter((entry) => !isFrozen(entry));
    const isKept = criterion.frozen && partsOf(criterion.frozen);
    const learned = learnable.filter(({ name }) => !isKept?.(name));

    const { momentum, weightDecay, clipNorm, backboneRate, labelSmoothing } = settings;
    const isSlower = (name: string) => name.startsWith(`${role}/`) && isOfBackbone(name.slice(role.length + 1));
    const stepBy = (
      name: string,
      variables: readonly StateVariable[],
      terms: Criterion['terms'],
      root = '',
      mode?: Mode,
    ) => {
      const optimiser = sgd(state, variables, {
        momentum,
        weightDecay,
        rateOf: (name) => (isSlower(name) ? backboneRate : 1),
        microBatches: accumulate,
        ...(clipNorm > 0 && { clipNorm }),
        // bfloat16 reaches as far as float32; in float16 small gradients would vanish.
        ...(precision === 'float16' && { lossScale: {} }),
        root,
      });
      return (average?: (share: Tensor) => void) =>
        makeTrainingStep(program, {
          name,
          batchSize,
          accumulate,
          size: network.description.inputSize,
          seed,
          mix: isMixing(settings) ? settings : undefined,
          optimiser,
          sampling,
          rowSize: cache?.dimension,
          losses(seen) {
            const smoothed = { ...seen, smoothing: labelSmoothing };
            const perceive = perception(network, smoothed, teacher, criterion.needs, mode);
            return () => terms(perceive());
          },
          average,
          precision,
        });
    };
    const job = {
      ...options,
      program,
      dataset: task.train,
      augment: task.augment,
      repeat: repeatOf(views),
      rows: cache?.read,
      selectBy: task.selectBy,
      chooseBy: choosingMetric(task),
    };
    const isOfTeacher = ({ name }: StateVariable) => name.startsWith(`${teacherRoot}/`);
    const { pretraining } = criterion;
    if (pretraining && pretraining.epochs > 0 && !isResumed) {
      const moved = learnable.filter(({ name }) => pretraining.moves(name));
      await train({
        ...job,
        label: `${role}, ${phase}`,
        phase,
        settings: { ...settings, ...constantRate(pretraining, settings) },
        step: stepBy(phase, moved, pretraining.terms, `${phase}/`, pretraining.student)(),
        network,
        isTrained: (entry) => !isOfTeacher(entry) && !isGradientSum(entry),
      });
      program.pull();
    }
    // The result is the average where there is one; it takes no part in its own making.
    const average = settings.emaDecay > 0 ? averaged(state, network) : undefined;
    const result = average?.network ?? network;
    const step = stepBy('train', learned, criterion.terms)(average?.follow);

    // As many images as training has at once: what fits the memory there does here.
    const inference = makeInference(program, result, { batchSize: imagesAtOnce });
    const heads = () => (teacher && sharedHead?.use !== 'frozen' ? headAgreement(result, teacher) : undefined);
    const outcome = await train({
      ...job,
      label: role,
      step,
      network: result,
      isTrained: (entry) => !isOfTeacher(entry) && !isGradientSum(entry) && !entry.name.startsWith(`${phase}/`),
      evaluate: async (): Promise<Metrics> => {
        const agreement = heads();
        return { ...(await task.evaluate(inference)), ...(agreement && agreementMetrics(agreement)) };
      },
    });
    const comparable =
      suited.teacherSpace === undefined
        ? inference
        : makeInference(program, result, { batchSize: imagesAtOnce, compared: true });
    const left = await task.conclude(folder, comparable);
    const agreement = heads();
    return {
      ...outcome,
      parameters: count(network.variables().filter(isDeployed(role))),
      files: [checkpointFiles.last, checkpointFiles.best, ...left],
      passing: [checkpointFiles.training, `${phase}.safetensors`].flatMap((file) => [file, previousOf(file)]),
      ...(agreement && { heads: agreement }),
    };
  } finally {
    cache?.close();
    program.dispose();
    state.dispose();
  }
}

/** The teacher's cache, where one is asked for. @throws UserError where it cannot serve the method or the views */
async function cacheOf(
  { task: { train: dataset, augment }, distillation, settings, signal, log, eager = false }: NetworkTraining,
  views: Views | undefined,
  batchSize: number,
): Promise<TeacherCache | undefined> {
  if (!distillation?.cache) return undefined;
  const { teacher, objective, cache } = distillation;
  checkCachedMethods(objective.name);
  checkUnmixed(settings);
  if (!views) throw endlessViews(dataset);
  return openTeacherCache({ ...cache, teacher, dataset, augment, views, batchSize, eager, signal, log });
}

/** Gives a new network the weights that its training starts from. @returns what there is to say of them */
function begin(
  state: State,
  network: Network,
  { initial, role, settings: { backboneRate } }: NetworkTraining,
  takesHead: boolean,
): readonly string[] {
  if (initial !== undefined) return startFrom(state, network, initial, { option: role, takesHead });
  const rate = role === 'teacher' ? '--teacher-backbone-rate' : '--backbone-rate';
  return backboneRate < 1
    ? [
        `its backbone starts at random, and ${rate}=${backboneRate} slows it; trained weights are given by --${role}-initial`,
      ]
    : [];
}

/** What comes before training proper, where a method has it. */
const phase = 'pretraining';

/** The reference trains it without a schedule. */
const constantRate = ({ epochs, learningRate }: Pretraining, settings: TrainingSettings) => ({
  epochs,
  learningRate: learningRate ?? settings.learningRate,
  schedule: 'constant' as const,
  warmUpEpochs: 0,
});

const alone = objectiveOf(methods.named('none'));

/** The head that a method's student predicts through: its teacher's, as it is. */
function headOfTeacher(distillation: Distillation | undefined): SharedHead | undefined {
  const by = distillation?.objective.studentHead;
  return distillation && by && { from: distillation.teacher, use: 'frozen', by };
}

/** The student with what it needs to be compared with its teacher, and to predict through its head. */
function describe(
  network: NetworkDescription,
  teacher: Network | undefined,
  distillation: Distillation | undefined,
): NetworkDescription {
  if (!teacher || !distillation) return network;
  const state = new State();
  const { embeddingSize } = buildNetwork(state, 'probe', network, undefined);
  state.dispose();
  const { head, scale } = teacher.description;
  const { predictionShare: share = 0 } = distillation;
  return {
    ...network,
    ...(embeddingSize !== teacher.embeddingSize && { teacherSpace: teacher.embeddingSize }),
    ...(share > 0 && { blend: { share, head, scale } }),
  };
}

const count = (variables: readonly StateVariable[]): number =>
  variables.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** Whether a variable is a weight that predictions need. */
const isDeployed =
  (root: string) =>
  ({ name, kind }: StateVariable): boolean =>
    kind === 'trainable' && !/^(teacher_space|teacher_head)\./.test(name.slice(root.length + 1));

interface Averaged {
  readonly network: Network;
  readonly follow: (share: Tensor) => void;
}

/** A network like `network` whose variables are averages of its. */
function averaged(state: State, network: Network): Averaged {
  const copy = buildNetwork(state, averageOf(network.root), network.description, undefined);
  return { network: copy, follow: startAverage(state, network.variables()) };
}
