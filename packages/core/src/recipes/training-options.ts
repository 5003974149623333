import { file, flag, group, integer, list, number, oneOf, optional, text, type Values } from '../experiment/option';
import { stateDictOption } from '../experiment/state-dict-option';
import { backbones, heads } from '../nn/registry';
import { precisions } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { scheduleNames } from '../train/optimiser/schedule';
import { checkTraining } from '../train/settings';
import { checkShardClasses } from '../train/shard-refusals';
import { externalNormalisationOption, normalisationOption } from './normalisation-options';
import { checkWorkers, workerOptions } from './worker-options';

/** The options that give files of weights. */
const filesByRole = { teacher: ['teacherWeights', 'teacherInitial'], student: ['studentInitial'] };

/** The networks that `--state-dict=ROLE:NAME` tells apart. */
export const networkRoles: readonly string[] = Object.keys(filesByRole);

export const trainingOptions = {
  ...group('Training', {
    seed: integer({ default: 1, min: 0, help: 'seed of all randomness: weights, data, order, augmentation' }),
    batchSize: integer({ default: 64, min: 1, help: 'images per training step' }),
    accumulate: integer({
      default: 1,
      min: 1,
      help: 'split each step into N parts to save memory; batch norm uses each part alone',
    }),
    schedule: oneOf(scheduleNames, 'cosine', { help: 'learning-rate schedule' }),
    milestones: list(number({ above: 0, below: 1, help: '' }), {
      default: [0.625, 0.75, 0.875],
      help: 'multi-step: divide the rate by 10 at these shares of the epochs',
    }),
    warmUpEpochs: number({ default: 0, min: 0, help: 'epochs of linear learning-rate warm-up' }),
    momentum: number({ default: 0.9, min: 0, max: 0.999, help: 'momentum of SGD' }),
    weightDecay: number({ default: 5e-4, min: 0, help: 'weight decay (L2)' }),
    clipNorm: number({
      default: 0,
      min: 0,
      help: 'scale gradients down if their total norm exceeds this; 0: no clipping',
    }),
    labelSmoothing: number({ default: 0, min: 0, below: 1, help: 'label smoothing of cross-entropy; 0.1 is usual' }),
    mixup: number({ default: 0, min: 0, help: 'alpha of mixup; 0: off (timm: 0.2 to 0.8)' }),
    cutmix: number({ default: 0, min: 0, help: 'alpha of CutMix; 0: off (timm: 1)' }),
    mixProbability: number({
      default: 1,
      above: 0,
      max: 1,
      help: 'probability of mixing a batch by --mixup or --cutmix',
    }),
    mixSwitchProbability: number({ default: 0.5, min: 0, max: 1, help: 'probability of CutMix if both are on' }),
    emaDecay: number({
      default: 0,
      min: 0,
      below: 1,
      help: 'decay of the moving average of weights used as the result; 0: off',
    }),
    emaWarmUp: flag({ help: 'start at a smaller decay: (1 + step) / (10 + step), up to --ema-decay' }),
    classShare: number({
      default: 1,
      above: 0,
      max: 1,
      help: "Partial FC: share of classes in each step's loss; head without bias",
    }),
    evaluateEvery: integer({ default: 1, min: 1, help: 'epochs between evaluations; the last is always evaluated' }),
  }),
  ...group('Student and teacher', {
    head: oneOf(heads.names, 'linear', { help: 'classifier' }),
    scale: number({ default: 64, above: 0, help: 'factor on the cosines of margin heads (arcface, cosface)' }),
    margin: optional(number({ min: 0, max: 1, help: 'margin of margin heads' }), "the head's published one"),
    stateDict: stateDictOption(filesByRole),
    embeddingSize: integer({ default: 128, min: 1, help: 'length of the embedding, unless the backbone fixes it' }),
    normalisation: normalisationOption('normalisation of networks trained here'),
  }),
  ...group('Computation', {
    checkpointMinutes: number({
      default: 10,
      min: 0,
      notInKey: 'default',
      help: 'minutes between checkpoints within an epoch; 0: after every step',
    }),
    recompute: flag({
      notInKey: 'default',
      help: 'save memory: compute blocks again for their gradients; a third slower, same result',
    }),
    precision: oneOf(precisions, 'float32', {
      help: 'number format of steps: float32, bfloat16 (for CPUs), float16 (for GPUs)',
    }),
    // In the key, although it gives the same bits: who debugs a training wants it to run.
    eager: flag({ help: 'run steps operation by operation instead of compiled, for debugging' }),
  }),
  ...workerOptions,
};

type CheckedValues = Parameters<typeof checkTraining>[0] &
  Parameters<typeof checkShardClasses>[0] &
  Parameters<typeof checkWorkers>[0] & { readonly shardClasses: boolean };

/** @throws UserError for options that are valid on their own, but not together or on this device */
export function checkOptions(values: CheckedValues): void {
  checkTraining(values);
  if (values.shardClasses) checkShardClasses(values);
  checkWorkers(values);
}

/** Checks a teacher's options, as `checkOptions`. */
export function checkTeacher(values: CheckedValues & TeacherValues): void {
  checkOptions(values);
  if (values.teacherInitial !== undefined && values.teacherWeights !== undefined) {
    throw new UserError(
      '--teacher-weights is a finished teacher, --teacher-initial the start of a training: leave one of them out',
    );
  }
  const { teacherCentres, teacherHeadFromData, allowMissing, verify } = values;
  if (teacherCentres !== undefined && teacherHeadFromData) {
    throw new UserError('--teacher-centres and --teacher-head-from-data are both sources of the head: give one');
  }
  const ofWeights = {
    '--teacher-centres': teacherCentres !== undefined,
    '--teacher-head-from-data': teacherHeadFromData,
    '--allow-missing': allowMissing.length > 0,
    '--verify': verify !== undefined,
  };
  const [alone] = Object.entries(ofWeights).filter(([, given]) => given && values.teacherWeights === undefined);
  if (alone) throw new UserError(`${alone[0]} needs --teacher-weights, the trained teacher it describes`);
}

export const studentOptions = group('Student', {
  student: oneOf(backbones.names, 'resnet8', { help: 'backbone', listedBy: 'core:models' }),
  studentWidth: number({ default: 1, above: 0, help: "factor on the channels of the student's layers" }),
  epochs: integer({ default: 12, min: 1, help: 'epochs of training' }),
  learningRate: number({ default: 0.05, above: 0, help: 'peak learning rate' }),
  backboneRate: number({ default: 1, above: 0, help: 'factor on --learning-rate for the backbone; 0.1 to fine-tune' }),
  studentInitial: optional(
    file({ help: 'weights to start from: .pth, .safetensors or a checkpoint of --student' }),
    'random weights',
  ),
});

export const teacherOptions = group('Teacher', {
  teacher: oneOf(backbones.names, 'resnet20', { help: 'backbone', listedBy: 'core:models' }),
  teacherWidth: number({ default: 1, above: 0, help: "factor on the channels of the teacher's layers" }),
  teacherEpochs: integer({ default: 12, min: 1, help: 'epochs of training' }),
  teacherLearningRate: number({ default: 0.05, above: 0, help: 'peak learning rate' }),
  teacherWeightDecay: optional(number({ min: 0, help: 'weight decay (L2)' }), '--weight-decay'),
  teacherBackboneRate: number({ default: 1, above: 0, help: 'factor on --teacher-learning-rate for the backbone' }),
  teacherInitial: optional(file({ help: 'weights to start from, as --student-initial' }), 'random weights'),
  teacherWeights: optional(
    file({ help: 'a trained teacher: .pth, .safetensors, .onnx or a checkpoint' }),
    'train one here',
  ),
  teacherNormalisation: externalNormalisationOption('normalisation of --teacher-weights'),
  teacherCentres: optional(
    file({ help: 'class centres that --teacher-weights lacks; --head and --scale describe them' }),
  ),
  teacherHeadFromData: flag({ help: 'average embeddings into class centres if --teacher-weights has no usable head' }),
  verify: optional(file({ help: '.npz of inputs and outputs that --teacher-weights must give (docs/networks.md)' })),
  allowMissing: list(text({ help: '' }), {
    default: [],
    min: 0,
    help: 'names or prefixes that --teacher-weights may lack, such as head',
  }),
});

export type TrainingValues = Values<typeof trainingOptions>;
export type StudentValues = Values<typeof studentOptions>;
export type TeacherValues = Values<typeof teacherOptions>;
