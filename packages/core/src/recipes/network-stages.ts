/** The stages that every package's experiments are made of: a network trained alone, taught, or under a shared head. */
import { join } from 'node:path';
import type { MethodSettings } from '../distill/method';
import { parseMethod } from '../distill/parse-method';
import type { RunContext, StageResult } from '../experiment/define';
import type { NetworkDescription } from '../nn/network';
import { normalisations } from '../nn/normalisation';
import { UserError } from '../system/user-error';
import { checkpointFiles } from '../train/checkpoint';
import { importNetwork, type NetworkImport } from '../train/import-network';
import type { Metrics } from '../train/metrics';
import type { TrainingSettings } from '../train/settings';
import type { SharedHead } from '../train/shared-head';
import type { SelectOn, Task } from '../train/task';
import { trainNetwork } from '../train/train-network';
import { drawHeads } from './draw-heads';
import { type MethodWeights, methodChoice } from './method-options';
import { cachedTeacher, type TeacherCacheValues } from './teacher-cache-options';
import { trackData, trackNetwork } from './track-network';
import type { StudentValues, TeacherValues, TrainingValues } from './training-options';

export interface NetworkResult extends StageResult {
  readonly network: NetworkDescription;
  readonly parameters: number;
  readonly bestEpoch: number;
  /** At that epoch, which was chosen on `selectedOn`. */
  readonly best: Metrics;
  readonly selectedOn: SelectOn;
  readonly imagesPerSecond: number;
  /** A table of what the package measures beyond the task, where it does. */
  readonly appraisal?: string;
}

/** Makes the data and the yardstick from the package's own options. */
export type TaskOf<D> = (options: D) => Task | Promise<Task>;

export interface Taught {
  /** Methods of `distill/methods` by name: see `parseMethod`. */
  readonly method: string;
  /** Their own numbers: see `parseHyper`. */
  readonly hyper: readonly string[];
  /** The folder of the teacher's stage. */
  readonly teacher: string;
  readonly weights: MethodWeights;
  readonly cache: TeacherCacheValues;
  /** What the package sets where neither the command line nor a profile does, by method. */
  readonly methodDefaults?: MethodDefaults;
}

/** Weights by the method's name, for a package whose task wants others than the published ones. */
export type MethodDefaults = Readonly<Record<string, Partial<MethodSettings>>>;

interface TrainingPlan {
  readonly role: 'teacher' | 'student';
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly taught?: Taught;
  readonly sharedHead?: SharedHead;
  readonly initial?: string;
}

async function runPlan<D extends TrainingValues>(
  context: RunContext<D>,
  task: Task,
  { taught, ...plan }: TrainingPlan,
): Promise<NetworkResult> {
  try {
    const distillation = taught && {
      teacher: networkOf(taught.teacher),
      method: parseMethod({
        ...methodChoice(taught.method, taught.hyper, taught.weights),
        ...(taught.methodDefaults && { methodDefaults: taught.methodDefaults }),
      }),
      predictionShare: taught.weights.predictionShare,
      ...cachedTeacher(taught.cache),
    };
    const head = taught?.weights.headFromTeacher && ({ from: networkOf(taught.teacher), use: 'initial' } as const);
    await prepare(context, task);
    trackData(context, task);
    const trained = await trainNetwork({
      ...context,
      ...plan,
      task,
      eager: context.options.eager,
      recompute: context.options.recompute,
      classShare: context.options.classShare,
      precision: context.options.precision,
      ...(distillation && { distillation }),
      ...(head && { sharedHead: head }),
    });
    const { last, best, bestEpoch, parameters, imagesPerSecond, heads } = trained;
    await trackNetwork(context, task, { role: plan.role, parameters, metrics: last });
    const files = [
      ...trained.files,
      ...((await task.report?.(context.folder)) ?? []),
      ...(heads ? await drawHeads(heads, context.folder) : []),
    ];
    const { selectOn: selectedOn = 'test' } = task;
    const metrics = {
      ...last,
      ...(selectedOn !== 'last' && prefixed('best/', { ...best, epoch: bestEpoch })),
      ...(taught && task.compareWithTeacher(taught.teacher, context.folder)),
    };
    return {
      metrics,
      summary: `${plan.role}: ${task.selectBy} ${(last[task.selectBy] ?? 0).toFixed(4)}, ${parameters} parameters`,
      files,
      temporaryFiles: trained.temporaryFiles,
      network: plan.network,
      parameters,
      bestEpoch,
      best,
      selectedOn,
      imagesPerSecond,
    };
  } finally {
    await task.close();
  }
}

const prefixed = (prefix: string, values: Metrics): Metrics =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

async function prepare({ log }: { log: (line: string) => void }, { train }: Task): Promise<void> {
  const started = performance.now();
  await train.prepare?.();
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 1) log(`${train.name}: ${train.labels.length} images made in ${seconds.toFixed(1)} s`);
}

/** Trains the teacher; under a shared head when one is given (SH-KD's second stage). */
export async function trainTeacher<D extends TrainingValues & TeacherValues>(
  context: RunContext<D>,
  taskOf: TaskOf<D>,
  sharedHead?: SharedHead,
): Promise<NetworkResult> {
  const { options } = context;
  const task = await taskOf(options);
  if (options.teacherWeights !== undefined) return importTeacher(context, task, options.teacherWeights, sharedHead);
  return runPlan(context, task, {
    role: 'teacher',
    network: describe(options.teacher, options.teacherWidth, options, task),
    settings: {
      ...settingsOf(options, {
        epochs: options.teacherEpochs,
        learningRate: options.teacherLearningRate,
        backboneRate: options.teacherBackboneRate,
      }),
      weightDecay: options.teacherWeightDecay ?? options.weightDecay,
    },
    ...(options.teacherInitial !== undefined && { initial: options.teacherInitial }),
    ...(sharedHead && { sharedHead }),
  });
}

/** A teacher that was trained elsewhere, made a stage like those that are trained here. */
async function importTeacher<D extends TrainingValues & TeacherValues>(
  context: RunContext<D>,
  task: Task,
  file: string,
  sharedHead: SharedHead | undefined,
): Promise<NetworkResult> {
  const { options, folder } = context;
  try {
    if (sharedHead) {
      throw new UserError(
        "--teacher-weights names a teacher that is trained already; SH-KD trains its own under the student's head",
      );
    }
    await prepare(context, task);
    trackData(context, task);
    const { allowMissing, batchSize, teacherNormalisation: name } = options;
    const normalisation = name === 'reference' ? undefined : normalisations[name];
    const imported = await importNetwork({
      file,
      task,
      folder,
      allowMissing,
      batchSize,
      ...(normalisation && { normalisation }),
      ...headOf(options),
    });
    const { network, parameters, metrics } = imported;
    await trackNetwork(context, task, { role: 'teacher', parameters, metrics });
    const files = [...imported.files, ...((await task.report?.(folder)) ?? [])];
    const summary = `teacher from ${file}: ${network.backbone}, ${task.selectBy} ${(metrics[task.selectBy] ?? 0).toFixed(4)}, ${parameters} parameters`;
    return {
      metrics,
      summary,
      files,
      network,
      parameters,
      bestEpoch: 0,
      best: metrics,
      selectedOn: 'last',
      imagesPerSecond: 0,
    };
  } finally {
    await task.close();
  }
}

/** Where an imported teacher's head comes from, if not from its own file, and what head that is. */
function headOf({
  teacherCentres,
  teacherHeadFromData,
  head,
  scale,
}: TrainingValues & TeacherValues): Pick<NetworkImport, 'centres' | 'marginHead'> {
  const isMargin = !head.startsWith('linear');
  if (teacherCentres === undefined && !teacherHeadFromData)
    return isMargin ? { marginHead: { name: head, scale } } : {};
  const from = teacherCentres === undefined ? 'data' : { file: teacherCentres };
  return { centres: { from, head: isMargin ? head : 'arcface', scale } };
}

/** Trains the student: alone, or taught; with a head of its own or a shared one. */
export async function trainStudent<D extends TrainingValues & StudentValues>(
  context: RunContext<D>,
  taskOf: TaskOf<D>,
  { taught, sharedHead }: { readonly taught?: Taught; readonly sharedHead?: SharedHead } = {},
): Promise<NetworkResult> {
  const { options } = context;
  const task = await taskOf(options);
  return runPlan(context, task, {
    role: 'student',
    network: describe(options.student, options.studentWidth, options, task),
    settings: settingsOf(options, options),
    ...(options.studentInitial !== undefined && { initial: options.studentInitial }),
    ...(taught && { taught }),
    ...(sharedHead && { sharedHead }),
  });
}

function settingsOf(
  options: TrainingValues,
  { epochs, learningRate, backboneRate }: Pick<TrainingSettings, 'epochs' | 'learningRate' | 'backboneRate'>,
): TrainingSettings {
  const milestones = options.milestones.map((share) => share * epochs);
  return { ...options, epochs, learningRate, backboneRate, milestones };
}

function describe(
  backbone: string,
  width: number,
  { head, scale, margin, embeddingSize, normalisation }: TrainingValues,
  { train }: Task,
): NetworkDescription {
  const { size: inputSize, classes } = train;
  return {
    backbone,
    width,
    head,
    scale,
    ...(margin !== undefined && { margin }),
    embeddingSize,
    inputSize,
    classes,
    ...(normalisation !== 'symmetric' && { normalisation: normalisations[normalisation] }),
  };
}

/** The last checkpoint of a stage, by which its network is known to others. */
export const networkOf = (folder: string): string => join(folder, checkpointFiles.last);
