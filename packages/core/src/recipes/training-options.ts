/**
 * The options that training takes in every package. An option means the same in all experiments of a package, so the
 * teacher's are named apart from the student's.
 */
import type { MixSettings } from '../data/augment/mix';
import { file, flag, integer, list, number, oneOf, optional, text, type Values } from '../experiment/option';
import { backbones, heads } from '../nn/registry';
import { checkPrecision, precisions } from '../runtime/precision';
import { UserError } from '../system/user-error';
import { checkClassShare } from '../train/class-sampling';
import { checkMixing } from '../train/mixing';
import { scheduleNames } from '../train/schedule';
import { microBatchSize } from '../train/training-step';

export const trainingOptions = {
  seed: integer({ default: 1, min: 0, help: 'of all randomness: weights, data, order, augmentation' }),
  batchSize: integer({ default: 64, min: 1, help: 'images a step' }),
  accumulate: integer({
    default: 1,
    min: 1,
    help: 'micro-batches that a step is cut into, to take less memory; batch norm sees one at a time',
  }),
  schedule: oneOf(scheduleNames, 'cosine', { help: 'how the learning rate falls' }),
  milestones: list(number({ default: 0.5, above: 0, below: 1, help: '' }), {
    default: [0.625, 0.75, 0.875],
    help: 'where the multi-step schedule divides the rate by 10, as shares of all epochs',
  }),
  warmUpEpochs: number({ default: 0, min: 0, help: 'epochs in which the learning rate rises from 0' }),
  momentum: number({ default: 0.9, min: 0, max: 0.999, help: "of SGD: the share of the last step's direction kept" }),
  weightDecay: number({ default: 5e-4, min: 0, help: 'times the weights, added to their gradients' }),
  clipNorm: number({ default: 0, min: 0, help: 'largest norm of all gradients together; 0: not clipped' }),
  labelSmoothing: number({
    default: 0,
    min: 0,
    below: 1,
    help: "share of cross-entropy's target that all classes have in equal parts (0.1 is usual)",
  }),
  mixup: number({
    default: 0,
    min: 0,
    help: 'images of a batch are averaged two by two, with shares from Beta(alpha, alpha), and their labels too (timm: 0.2 to 0.8); 0: not',
  }),
  cutmix: number({
    default: 0,
    min: 0,
    help: 'images of a batch have a box of one another, of an area from Beta(alpha, alpha), and labels by its share (timm: 1); 0: not',
  }),
  mixProbability: number({ default: 1, above: 0, max: 1, help: 'how often --mixup and --cutmix mix a batch' }),
  mixSwitchProbability: number({
    default: 0.5,
    min: 0,
    max: 1,
    help: 'with both --mixup and --cutmix: how often it is the latter',
  }),
  emaDecay: number({
    default: 0,
    min: 0,
    below: 1,
    help: "what an average of the weights, with batch norm's statistics, keeps of itself a step; it is what is evaluated and saved; 0: none",
  }),
  emaWarmUp: flag({ help: 'that average keeps less at first: (1 + step) / (10 + step), until this is more' }),
  evaluateEvery: integer({
    default: 1,
    min: 1,
    help: 'epochs between evaluations; the last epoch is always evaluated',
  }),
  checkpointMinutes: number({
    default: 10,
    min: 0,
    help: 'how old the last checkpoint may grow within an epoch, after each of which one is written; 0: one after every step',
  }),
  head: oneOf(heads.names, 'linear', { help: 'classifier on top of the embedding, of teacher and student' }),
  scale: number({ default: 64, above: 0, help: 'what margin heads (arcface, cosface) multiply cosines by' }),
  margin: optional(
    number({ default: 0.4, min: 0, max: 1, help: "of margin heads; default: the head's published one" }),
  ),
  embeddingSize: integer({ default: 128, min: 1, help: 'length of the embedding, where the backbone leaves it open' }),
  normalisation: oneOf(['symmetric', 'cifar100', 'imagenet'], 'symmetric', {
    help: 'how networks that are trained normalise images: to -1..1, or by the mean and deviation of a data set; weights from elsewhere keep their own',
  }),
  classShare: number({
    default: 1,
    above: 0,
    max: 1,
    help: "share of the classes that takes part in a step, the batch's and others at random (Partial FC); for many classes, with heads without bias",
  }),
  recompute: flag({
    help: 'blocks are computed again for their gradients: less memory, about a third more time, the same results',
  }),
  precision: oneOf(precisions, 'float32', {
    help: "what convolutions and matrix products of a training step, its teacher's included, compute in; weights and evaluation stay float32. float16: on GPUs; bfloat16: on CPUs, faster only where they have it",
  }),
  eager: flag({ help: 'run steps operation by operation instead of compiled, for debugging' }),
};

/** @throws UserError for training options that are valid each by itself, but not together. */
export function checkTraining(
  values: Pick<TrainingValues, 'batchSize' | 'accumulate' | 'precision' | 'eager' | 'classShare' | 'emaDecay'> &
    MixSettings,
): void {
  microBatchSize(values.batchSize, values.accumulate);
  checkPrecision(values.precision, values.eager);
  checkClassShare(values);
  checkMixing(values);
}

/** As `checkTraining`, of a teacher's training. */
export function checkTeacher(values: Parameters<typeof checkTraining>[0] & TeacherValues): void {
  checkTraining(values);
  if (values.teacherInitial !== undefined && values.teacherWeights !== undefined) {
    throw new UserError(
      '--teacher-weights is a teacher that is not trained any more, --teacher-initial what a training starts from: leave one of them out',
    );
  }
  const { teacherCentres, teacherHeadFromData, allowMissing } = values;
  if (teacherCentres !== undefined && teacherHeadFromData) {
    throw new UserError('--teacher-centres and --teacher-head-from-data both say where the head comes from: give one');
  }
  const ofWeights = {
    '--teacher-centres': teacherCentres !== undefined,
    '--teacher-head-from-data': teacherHeadFromData,
    '--allow-missing': allowMissing.length > 0,
  };
  const [alone] = Object.entries(ofWeights).filter(([, given]) => given && values.teacherWeights === undefined);
  if (alone) throw new UserError(`${alone[0]} needs --teacher-weights, the trained teacher that it is said of`);
}

export const studentOptions = {
  student: oneOf(backbones.names, 'resnet8', { help: 'backbone of the student' }),
  studentWidth: number({ default: 1, above: 0, help: "multiplies the channels of the student's layers" }),
  epochs: integer({ default: 12, min: 1, help: "passes over the data in the student's training" }),
  learningRate: number({ default: 0.05, above: 0, help: "the student's highest learning rate" }),
  backboneRate: number({
    default: 1,
    above: 0,
    help: "what --learning-rate is multiplied by for the student's backbone (0.1 is usual with --student-initial)",
  }),
  studentInitial: optional(
    file({
      help: "what the student's training starts from instead of random weights: .pth or .safetensors of PyTorch, or a checkpoint, of --student; a classifier of other classes is left out",
    }),
  ),
};

export const teacherOptions = {
  teacher: oneOf(backbones.names, 'resnet20', { help: 'backbone of the teacher' }),
  teacherWidth: number({ default: 1, above: 0, help: "multiplies the channels of the teacher's layers" }),
  teacherEpochs: integer({ default: 12, min: 1, help: "passes over the data in the teacher's training" }),
  teacherLearningRate: number({ default: 0.05, above: 0, help: "the teacher's highest learning rate" }),
  teacherWeightDecay: optional(
    number({ default: 5e-4, min: 0, help: 'as --weight-decay, of the teacher; default: the same' }),
  ),
  teacherBackboneRate: number({
    default: 1,
    above: 0,
    help: "what --teacher-learning-rate is multiplied by for the teacher's backbone (0.1 is usual with --teacher-initial)",
  }),
  teacherInitial: optional(
    file({
      help: "what the teacher's training starts from instead of random weights, as --student-initial; --teacher-weights is not trained",
    }),
  ),
  teacherWeights: optional(
    file({
      help: 'a trained teacher instead of training one: .pth, .safetensors or .onnx of PyTorch, or a checkpoint; its architecture is found out',
    }),
  ),
  teacherNormalisation: oneOf(['reference', 'symmetric', 'cifar100', 'imagenet'], 'reference', {
    help: "how --teacher-weights' network normalises images; reference: as its architecture's published weights do",
  }),
  teacherCentres: optional(
    file({
      help: "the class centres that --teacher-weights lacks, such as insightface's softmax_fc_gpu_0.pt; --head and --scale say of which head they are, and those in --teacher-weights; arcface where --head has none",
    }),
  ),
  teacherHeadFromData: flag({
    help: 'where --teacher-weights lacks its classifier, or has one of other classes: class centres made of its embeddings of the training images',
  }),
  allowMissing: list(text({ default: 'head', help: '' }), {
    default: [],
    min: 0,
    help: "names, or what names begin with, that --teacher-weights may lack; 'head' is the classifier",
  }),
};

export type TrainingValues = Values<typeof trainingOptions>;
export type StudentValues = Values<typeof studentOptions>;
export type TeacherValues = Values<typeof teacherOptions>;
