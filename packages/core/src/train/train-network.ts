/** Trains one network, top-down: check, build, pretrain, train, finish. build.ts, step.ts and loop.ts hold the parts. */
import { join } from 'node:path';
import { leaveToHome } from '../cluster/stage-workers';
import { buildNetwork, type Network } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { Program } from '../runtime/program';
import { State, type StateVariable, shapeInFiles } from '../runtime/state';
import { build, type GivenWeights, isOfTeacher, type Training } from './build';
import { checkpointFiles } from './checkpoint';
import { makeInference } from './evaluation/inference';
import type { Spread } from './evaluation/shared-outputs';
import { train } from './loop';
import { microBatchSize } from './micro-batches';
import { isMixing, requireMixable } from './mixing';
import { agreementMetrics, headAgreement } from './networks/head-agreement';
import { readInitialWeights } from './networks/initial-weights';
import { readNetwork } from './networks/load-network';
import { sgd } from './optimiser/optimiser';
import { averageOf, isAverage, startAverage } from './optimiser/weight-average';
import { hasResumePoint, previousOf } from './resume-point';
import type { Phase } from './run-files';
import { checkTraining, type NetworkTraining, type TrainedNetwork } from './settings';
import { checkGivenHeads, checkSharable, checkShardClasses } from './shard-refusals';
import { makeTrainingStep, type StepParts, type TrainingStep } from './step';
import { isSliceSum } from './sums';
import { ClassesDealtAnew } from './workers/group';
import { type GroupOptions, inGroup } from './workers/in-group';

/**
 * Trains a network from random or given weights: alone, distilled from a teacher, or under another network's head.
 * @throws UserError when a checkpoint does not fit, the device lacks the precision, or the loss diverges
 */
export async function trainNetwork(options: NetworkTraining): Promise<TrainedNetwork> {
  const { settings, distillation, role, signal, log } = options;
  const { eager = false, precision = 'float32', classShare = 1, shardClasses = false } = options;
  checkTraining({ ...settings, eager, precision, classShare });
  if (distillation) requireMixable(settings, distillation.method);
  if (shardClasses) {
    checkShardClasses({ ...settings, precision, classShare });
    checkSharable(options);
  }
  if (!hasStarted(options)) {
    warnOfSlowRandomBackbone(options);
    warnOfFewImages(options);
  }
  for (let isInside = false; ; isInside = true) {
    try {
      return await trainOnce(options, isInside);
    } catch (error) {
      if (!(error instanceof ClassesDealtAnew)) throw error;
      signal.throwIfAborted();
      log(`${role}: the workers have changed, and with them who holds which classes: back to the last checkpoint`);
    }
  }
}

const hasStarted = ({ folder }: NetworkTraining): boolean => hasResumePoint(join(folder, checkpointFiles.training));

/**
 * Trains to the end, unless shared classes are dealt anew meanwhile.
 * @param isInside whether this worker is in the training's group
 * @throws ClassesDealtAnew
 */
async function trainOnce(options: NetworkTraining, isInside: boolean): Promise<TrainedNetwork> {
  const { settings, folder, workers, eager = false } = options;
  const isResumed = hasStarted(options);
  const state = new State();
  const program = new Program(state, { eager });
  let training: Training | undefined;
  try {
    const given = givenWeights(options, isResumed);
    if (options.shardClasses) checkGivenHeads(given);
    if (!sharesClasses(options)) {
      training = await build(state, options, given);
      await pretrain(program, options, training, isResumed);
    }
    const isTrained = (entry: StateVariable) =>
      !isOfTeacher(entry) && !isSliceSum(entry) && !entry.name.startsWith(`${pretrainingName}/`);
    let evaluation: Evaluation | undefined;
    const place = { ...groupOptions(program, options, 'training', isTrained), isInside };
    const done = await inGroup(workers, place, async (group) => {
      // Which classes a worker holds depends on how many there are.
      training ??= await build(state, options, given, await group.shared?.form());
      const { network, shards } = training;
      const average = settings.emaDecay > 0 ? averaged(state, network) : undefined;
      const result = average?.network ?? network;
      const { reduction, spread } = group;
      evaluation = evaluationOf(program, options, training, { result, spread });
      const step = trainingStep(program, options, training, { average: average?.follow, reduction, shards });
      const { evaluate, finish } = evaluation;
      return train(program, options, training, { settings, step, network: result, isTrained, evaluate, finish }, group);
    });
    leaveToHome(workers);
    if (!done || !training || !evaluation) throw new Error('Home left its training out.');

    const { network } = training;
    const { writeFiles, ...outcome } = done;
    const files = (await writeFiles?.(folder)) ?? [];
    const heads = evaluation.agreement();
    return {
      ...outcome,
      parameters: count(network.variables().filter(isDeployed)),
      files: [checkpointFiles.last, checkpointFiles.best, ...files],
      temporaryFiles: [checkpointFiles.training, `${pretrainingName}.safetensors`].flatMap((file) => [
        file,
        previousOf(file),
      ]),
      ...(heads && { heads }),
    };
  } finally {
    training?.cache?.close();
    program.dispose();
    state.dispose();
  }
}

type Evaluation = ReturnType<typeof evaluationOf>;

/** How the trained network, or its average, is evaluated. */
function evaluationOf(
  program: Program,
  { task, settings }: NetworkTraining,
  { teacher, headIsFrozen, shards }: Training,
  { result, spread }: { readonly result: Network; readonly spread: () => Spread | undefined },
) {
  // In evaluation as many images at once as in training: that many fit into memory.
  const batchSize = microBatchSize(settings.batchSize, settings.accumulate);
  const inference = makeInference(program, result, { batchSize, spread });
  const isProjected = result.description.teacherSpace !== undefined;
  /** Gives embeddings in the teacher's space, where there is one. */
  const comparable = isProjected ? makeInference(program, result, { batchSize, compared: true, spread }) : inference;
  // No process has two whole heads to compare where classes are shared.
  const agreement = () => (teacher && !headIsFrozen && !shards ? headAgreement(result, teacher) : undefined);
  return {
    agreement,
    finish: () => task.finish(comparable, inference),
    async evaluate() {
      const heads = agreement();
      return { ...(await task.evaluate(inference)), ...(heads && agreementMetrics(heads)) };
    },
  };
}

/** Reads the files that the training starts from. A resumed training has its own weights. */
function givenWeights(options: NetworkTraining, isResumed: boolean) {
  const { role, network, distillation, sharedHead, initial, stateDict } = options;
  // Each worker reads its classes alone.
  const isTable = (name: string) => sharesClasses(options) && name === 'head.weight';
  const read = (file: string) => readNetwork(file, undefined, isTable);
  return {
    teacher: distillation && read(distillation.teacher),
    sharedHead: sharedHead && { ...read(sharedHead.from), use: sharedHead.use },
    initial: initial === undefined || isResumed ? undefined : readInitialWeights(initial, network, role, stateDict),
  } satisfies GivenWeights;
}

function warnOfSlowRandomBackbone({ role, initial, settings: { backboneRate }, log }: NetworkTraining): void {
  if (initial !== undefined || backboneRate === 1) return;
  const option = role === 'teacher' ? '--teacher-backbone-rate' : '--backbone-rate';
  log(
    `${role}: ${option}=${backboneRate} slows a backbone that starts at random; --${role}-initial starts it from trained weights`,
  );
}

/** Batch norm's statistics of fewer images are noisy. */
const fewImages = 16;

function warnOfFewImages({ role, settings: { batchSize, accumulate }, log }: NetworkTraining): void {
  const images = microBatchSize(batchSize, accumulate);
  if (accumulate === 1 || images >= fewImages) return;
  log(
    `${role}: batch norm sees ${images} images at a time (--batchSize=${batchSize}, --accumulate=${accumulate}); below ${fewImages} its statistics are noisy`,
  );
}

/** The step of training proper, or with `changed` parts the step of a method's pretraining. */
function trainingStep(
  program: Program,
  { role, settings, precision = 'float32' }: NetworkTraining,
  { network, teacher, loss, needs, cache, partialFc, learned }: Training,
  changed: Partial<StepParts>,
  { variables = learned, root = '' }: { readonly variables?: readonly StateVariable[]; readonly root?: string } = {},
): TrainingStep {
  const { momentum, weightDecay, clipNorm, backboneRate, accumulate } = settings;
  const isSlower = (name: string) => name.startsWith(`${role}/`) && partOf(name) === 'backbone';
  const optimiser = sgd(program.state, variables, {
    momentum,
    weightDecay,
    rateOf: (name) => (isSlower(name) ? backboneRate : 1),
    slices: accumulate,
    ...(clipNorm > 0 && { clipNorm }),
    // bfloat16 has float32's range; in float16 small gradients would vanish.
    ...(precision === 'float16' && { lossScale: {} }),
    root,
  });
  return makeTrainingStep(program, {
    ...settings,
    size: network.description.inputSize,
    mix: isMixing(settings) ? settings : undefined,
    student: network,
    teacher,
    loss,
    needs,
    optimiser,
    statistics: program.state.all('statistic').filter((entry) => !isOfTeacher(entry) && !isAverage(entry)),
    partialFc,
    teacherEmbeddingSize: cache?.dimension,
    precision,
    ...changed,
  });
}

const pretrainingName = 'pretraining';

/**
 * Runs the phase that some methods (AB, FSP, FT) have before training proper.
 * @param isOver it lies behind; other workers that come late still learn it from home
 */
async function pretrain(
  program: Program,
  options: NetworkTraining,
  training: Training,
  isOver: boolean,
): Promise<void> {
  const { pretraining } = training.loss;
  if (!pretraining || pretraining.epochs === 0) return;
  const { epochs, learningRate = options.settings.learningRate, terms, student: mode, moves } = pretraining;
  // The reference uses no schedule here.
  const settings = { ...options.settings, epochs, learningRate, schedule: 'constant', warmUpEpochs: 0 } as const;
  const isTrained = (entry: StateVariable) => !isOfTeacher(entry) && !isSliceSum(entry);
  const variables = training.learnable.filter(({ name }) => moves(name));
  const { workers } = options;
  await inGroup(workers, groupOptions(program, options, pretrainingName, isTrained), async (group) => {
    if (isOver) return;
    const changed = { name: pretrainingName, loss: { terms }, mode, reduction: group.reduction };
    const step = trainingStep(program, options, training, changed, { variables, root: `${pretrainingName}/` });
    const phase: Phase = { name: pretrainingName, settings, step, network: training.network, isTrained };
    await train(program, options, training, phase, group);
  });
  if (!isOver) program.pull();
}

/** What a phase's group of workers must know. */
const groupOptions = (
  program: Program,
  options: NetworkTraining,
  name: GroupOptions['name'],
  isShared: GroupOptions['isShared'],
): GroupOptions => {
  const { settings, signal, tracker, workers } = options;
  return {
    program,
    name,
    slices: settings.accumulate,
    sums: workers?.sums ?? 'exact',
    isShared,
    sharesClasses: sharesClasses(options),
    needsHome: sharesClasses(options),
    isInside: false,
    signal,
    tracker,
  };
};

/** Whether each worker holds some of the head's classes; one process alone holds all. */
const sharesClasses = ({ shardClasses = false, workers, settings }: NetworkTraining): boolean =>
  shardClasses && workers !== undefined && settings.accumulate > 1;

/** A network like `network` whose variables are moving averages of its variables. */
function averaged(state: State, network: Network) {
  const copy = buildNetwork(state, averageOf(network.root), network.description, undefined);
  return { network: copy, follow: startAverage(state, network.variables()) };
}

const count = (variables: readonly StateVariable[]): number =>
  variables.reduce((sum, entry) => sum + shapeInFiles(entry).reduce((a, b) => a * b, 1), 0);

/** Whether a variable is a weight that predictions need. */
const isDeployed = ({ name, kind }: StateVariable): boolean =>
  kind === 'trainable' && !['teacher_space', 'teacher_head'].includes(partOf(name));
