/** The two stages of every package's experiments: `trainTeacher` and `trainStudent`. */
import { dirname, join } from 'node:path';
import type { UnreadableCount } from '../data/unreadable';
import type { RunContext, StageResult } from '../experiment/define';
import { stateDictOf } from '../experiment/state-dict-option';
import type { NetworkDescription } from '../nn/network';
import { normalisationName, parseNormalisation } from '../nn/normalisation-text';
import { heads } from '../nn/registry';
import { bfloat16Note } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { checkpointFiles, readCheckpoint } from '../train/checkpoint';
import type { Metrics } from '../train/evaluation/metrics';
import type { SelectOn, Task, TaskImages } from '../train/evaluation/task';
import { geometryMetrics, type HeadGeometry, headGeometry } from '../train/networks/head-geometry';
import { importNetwork } from '../train/networks/import-network';
import type { SharedHead } from '../train/networks/shared-head';
import type { NetworkTraining, TrainedNetwork, TrainingSettings } from '../train/settings';
import { trainNetwork } from '../train/train-network';
import { becomeWorker } from '../train/workers/become-worker';
import { drawHeads } from './draw-heads';
import { externalNormalisation } from './normalisation-options';
import { trackData, trackNetwork } from './track-network';
import { networkRoles, type StudentValues, type TeacherValues, type TrainingValues } from './training-options';
import { followUnreadable, notesOn, unreadableFile, unreadableReport } from './unreadable';

export interface NetworkResult extends StageResult {
  readonly network: NetworkDescription;
  readonly parameters: number;
  readonly bestEpoch: number;
  /** The metrics of `bestEpoch`, which was chosen on `selectedOn`. */
  readonly best: Metrics;
  readonly selectedOn: SelectOn;
  readonly imagesPerSecond: number;
  /** How the class vectors of its head lie; absent for heads without any, and in results of older versions. */
  readonly head?: HeadGeometry;
  /** How many images could not be read; absent if all could. */
  readonly unreadable?: readonly UnreadableCount[];
  /** The table of the package's benchmark, where it ran. */
  readonly appraisal?: string;
}

/** The mean loss of a training's last epoch, among its result's metrics; an imported network has none. */
export const trainLossMetric = 'train/loss';

/** One training: the values that differ between teacher and student. */
type TrainingPlan = Pick<NetworkDescription, 'backbone' | 'width'> &
  Pick<TrainingSettings, 'epochs' | 'learningRate' | 'backboneRate' | 'weightDecay'> &
  Pick<NetworkTraining, 'role' | 'initial' | 'sharedHead' | 'distillation'>;

/** Trains the student: alone or from a teacher, under its own head or a shared one. */
export async function trainStudent<D extends TrainingValues & StudentValues>(
  context: RunContext<D>,
  taskOf: (options: D) => Task | Promise<Task>,
  { distillation, sharedHead }: Pick<TrainingPlan, 'distillation' | 'sharedHead'> = {},
): Promise<NetworkResult> {
  const { options, folder, workers } = context;
  if (workers) await becomeWorker(workers.member);
  const task = await taskOf(options);
  try {
    await prepare(context, task);
    const trained = await train(context, task, {
      role: 'student',
      backbone: options.student,
      width: options.studentWidth,
      epochs: options.epochs,
      learningRate: options.learningRate,
      backboneRate: options.backboneRate,
      weightDecay: options.weightDecay,
      initial: options.studentInitial,
      sharedHead,
      distillation,
    });
    const result = await finish(context, task, trained);
    const beside = distillation && task.compareWithTeacher(dirname(distillation.teacher), folder);
    return { ...result, metrics: { ...result.metrics, ...beside } };
  } finally {
    await task.close();
  }
}

/**
 * Trains the teacher, or imports the one that --teacher-weights names.
 * @param sharedHead SH-KD: the student's head, under which the teacher is trained
 */
export async function trainTeacher<D extends TrainingValues & TeacherValues>(
  context: RunContext<D>,
  taskOf: (options: D) => Task | Promise<Task>,
  sharedHead?: SharedHead,
): Promise<NetworkResult> {
  const { options, workers } = context;
  const { teacherWeights } = options;
  if (workers) await becomeWorker(workers.member);
  if (teacherWeights !== undefined && sharedHead) {
    throw new UserError(
      "--teacher-weights names a trained teacher, but SH-KD trains its teacher under the student's head: leave it out",
    );
  }
  const task = await taskOf(options);
  try {
    await prepare(context, task);
    if (teacherWeights !== undefined) {
      const imported = await importTeacher(context, task, teacherWeights);
      const { backbone, normalisation } = imported.network;
      const about = `${backbone}, images normalised as ${normalisationName(normalisation)}`;
      return await finish(context, task, imported, `teacher from ${teacherWeights}: ${about},`);
    }
    const trained = await train(context, task, {
      role: 'teacher',
      backbone: options.teacher,
      width: options.teacherWidth,
      epochs: options.teacherEpochs,
      learningRate: options.teacherLearningRate,
      backboneRate: options.teacherBackboneRate,
      weightDecay: options.teacherWeightDecay ?? options.weightDecay,
      initial: options.teacherInitial,
      sharedHead,
    });
    return await finish(context, task, trained);
  } finally {
    await task.close();
  }
}

/** A network whose weights are in the stage's folder. */
type MadeNetwork = Omit<TrainedNetwork, 'temporaryFiles'> &
  Pick<NetworkTraining, 'role'> &
  Pick<NetworkResult, 'network' | 'selectedOn' | 'temporaryFiles'>;

let notedPrecision = false;

async function train(context: RunContext<TrainingValues>, task: Task, plan: TrainingPlan): Promise<MadeNetwork> {
  const { options } = context;
  const note = bfloat16Note(options.precision, options.eager);
  // Once a command, not for each of its networks.
  if (note !== undefined && !notedPrecision) context.log(note);
  notedPrecision = true;
  const { head, scale, margin, embeddingSize, normalisation } = options;
  const { role, backbone, width, initial, sharedHead, distillation, ...rates } = plan;
  const { size: inputSize, classes } = task.train;
  const network: NetworkDescription = {
    backbone,
    width,
    head,
    scale,
    ...(margin !== undefined && { margin }),
    embeddingSize,
    inputSize,
    classes,
    ...(normalisation !== 'symmetric' && {
      normalisation: parseNormalisation(normalisation, (why) => new UserError(why)),
    }),
  };
  const trained = await trainNetwork({
    ...context,
    role,
    task,
    network,
    settings: { ...options, ...rates, milestones: options.milestones.map((share) => share * rates.epochs) },
    initial,
    stateDict: stateDictOf(options.stateDict, role, networkRoles),
    sharedHead,
    distillation,
    eager: options.eager,
    recompute: options.recompute,
    classShare: options.classShare,
    shardClasses: options.shardClasses,
    precision: options.precision,
    workers: context.workers && { ...context.workers, sums: options.sums },
  });
  return { ...trained, role, network, selectedOn: task.selectOn ?? 'test' };
}

/** Makes an external teacher a stage like one that is trained here. */
async function importTeacher(
  { options, folder, log, workers, signal }: RunContext<TrainingValues & TeacherValues>,
  task: Task,
  file: string,
): Promise<MadeNetwork> {
  const { allowMissing, batchSize, teacherNormalisation, teacherCentres, teacherHeadFromData, verify } = options;
  const { head, scale } = options;
  const fromData = teacherHeadFromData ? 'data' : undefined;
  const isMargin = heads.named(head).published !== undefined;
  const { metrics, ...imported } = await importNetwork({
    file,
    task,
    folder,
    workers,
    signal,
    allowMissing,
    stateDict: stateDictOf(options.stateDict, 'teacher', networkRoles),
    log,
    verify,
    batchSize,
    ...externalNormalisation(teacherNormalisation),
    head: {
      from: teacherCentres === undefined ? fromData : { file: teacherCentres },
      name: isMargin ? head : undefined,
      scale,
    },
  });
  const result = { last: metrics, best: metrics, bestEpoch: 0, selectedOn: 'last', imagesPerSecond: 0 } as const;
  return { ...imported, ...result, role: 'teacher' };
}

/** Prepares the training images and records all data sets of the task. */
async function prepare(context: RunContext<TrainingValues>, task: Task): Promise<void> {
  const { train } = task;
  const started = performance.now();
  await train.prepare?.();
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 1) context.log(`${train.name}: ${train.labels.length} images rendered in ${seconds.toFixed(1)} s`);
  const files = task.reads?.filter(({ from }) => from !== undefined) ?? [];
  if (files.length > 0) context.log(`Data of ${files[0]?.from}: ${files.map(countImages).join(', ')}`);
  for (const note of task.notes ?? []) context.log(note);
  trackData(context, task);
  followUnreadable(context, task);
}

const countImages = ({ images, use, note }: TaskImages): string =>
  `${images.labels.length} images for ${use}${note === undefined ? '' : ` (${note})`}`;

/** Records a network as a model in MLflow, writes its reports, and sums up its stage. */
async function finish(
  context: RunContext<TrainingValues>,
  task: Task,
  { role, last, trainLoss, heads: agreement, ...made }: MadeNetwork,
  title = `${role}:`,
): Promise<NetworkResult> {
  const { parameters, best, bestEpoch, selectedOn } = made;
  // A head that several processes share may be too large for one.
  const { shardClasses } = context.options;
  const headWeight = shardClasses ? undefined : readCheckpoint(networkFile(context.folder)).tensors.get('head.weight');
  const head = headWeight && (await headGeometry(headWeight));
  const ofTraining = {
    ...(head && geometryMetrics(head)),
    ...(trainLoss !== undefined && { [trainLossMetric]: trainLoss }),
  };
  if (head) context.tracker.metrics(geometryMetrics(head), 0);
  await trackNetwork(context, task, { role, parameters, metrics: last });
  const reports = (await task.report?.(context.folder)) ?? [];
  const charts = agreement ? await drawHeads(agreement, context.folder) : [];
  const { note, files: listed, metrics: counts, ...unreadable } = unreadableReport(task);
  for (const line of notesOn(unreadable.unreadable ?? [])) context.log(line);
  if (listed.length > 0) context.log(`All unreadable images are listed in ${unreadableFile}`);
  const ofBest = Object.entries({ ...best, epoch: bestEpoch }).map(([name, value]) => [`best/${name}`, value]);
  return {
    ...made,
    ...unreadable,
    ...(head && { head }),
    metrics: { ...last, ...ofTraining, ...(selectedOn !== 'last' && Object.fromEntries(ofBest)), ...counts },
    summary: `${title} ${task.selectBy} ${(last[task.selectBy] ?? 0).toFixed(4)}, ${parameters} parameters${note}`,
    files: [...made.files, ...reports, ...charts, ...listed],
  };
}

/** The file by which other stages know a finished network: its last checkpoint. */
export const networkFile = (folder: string): string => join(folder, checkpointFiles.last);
