import type { Mode } from '../nn/layers';
import type { NetworkShape } from '../nn/network-shape';
import type { Scope } from '../nn/scope';
import type { RandomKey } from '../runtime/ops/random';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';
import type { HyperRange } from './hyper-range';

/** A network's output for a batch. */
export interface ForwardOutput {
  /** Feature maps [batch, h, w, c] after the stem and after each stage. */
  readonly features: readonly Tensor4D[];
  /** The feature maps before their last activation; empty unless the method needs them. */
  readonly preactivations: readonly Tensor4D[];
  /** [batch, d] */
  readonly embedding: Tensor2D;
  /**
   * [batch, classes], without margin; with Partial FC, of the sampled classes. With --shard-classes, of the images of all
   * processes and the classes held here, which `crossEntropy` and `divergence` of the step can use.
   */
  readonly logits: Tensor2D;
  /** The bottleneck's map of the last feature map, for another network's head; see `NetworkDescription`. */
  readonly transferred?: Tensor4D;
}

/** The values that a method's loss may use. No gradient reaches the teacher or its head. */
export interface StepContext {
  readonly student: ForwardOutput;
  readonly teacher: ForwardOutput;
  /** The teacher's frozen head. */
  readonly teacherHead: (embedding: Tensor2D) => Tensor2D;
  /** The scale of the teacher's head, where its logits are scaled cosines to class centres. */
  readonly cosineScale?: number | undefined;
  /** The student's embedding in the teacher's space: unchanged if the sizes agree, else through a learned linear map. */
  readonly projected: Tensor2D;
  /** Cross-entropy of logits [batch, classes] against the batch's labels. */
  readonly crossEntropy: (logits: Tensor2D) => Scalar;
  /** `distillationDivergence` of logits [batch, classes]. */
  readonly divergence: (student: Tensor2D, teacher: Tensor2D, temperature: number) => Scalar;
  /** Cross-entropy of the student's own head, with its margin if it has one. */
  readonly studentCrossEntropy: () => Scalar;
  /** int32 [batch] */
  readonly labels: Tensor1D;
  /** int32 [batch]: the labels as columns of the logits; they differ from `labels` with Partial FC. */
  readonly columns: Tensor1D;
  /** The images' indices in the training set, int32 [batch]. */
  readonly indices: Tensor1D;
  /** A new key at every step. */
  readonly random: RandomKey;
}

/**
 * The weights of a loss, by the reference's letters: gamma CE(student) + alpha KD + beta L_rep, where L_rep may include
 * delta / beta times the term of the teacher's head.
 */
export interface MethodSettings {
  readonly gamma: number;
  readonly alpha: number;
  readonly beta: number;
  readonly delta: number;
  /** Divides the logits of both networks in every soft-target term. */
  readonly temperature: number;
  /**
   * reference: the public code's sum of weighted terms. paper: the two heads share cross-entropy and KD between them
   * (arXiv 2201.06945, CE' and H').
   */
  readonly form: 'reference' | 'paper';
  /** The paper's alpha^TH: the share of the teacher's head in CE' and H', 0..1. */
  readonly teacherHeadShare: number;
  /** The method's hyperparameters by name. */
  readonly hyper: Readonly<Record<string, number>>;
}

/** A term of the loss. It adds weight times value to the loss; the value is logged. */
export interface Term {
  readonly weight: number;
  readonly value: Scalar;
  /** Whether the value is a sum over the batch's images instead of a mean. */
  readonly summed?: boolean;
}

export type Terms = Readonly<Record<string, Term>>;

/**
 * What a method uses besides predictions. equal-channels: each stage must have as many channels in both networks; labels:
 * it uses an image's one label outside cross-entropy; logits: it uses the logits of all classes outside cross-entropy and
 * KD; class-centres: the logits of the teacher's head must be scaled cosines.
 */
export type Need =
  | 'features'
  | 'preactivations'
  | 'equal-channels'
  | 'embedding'
  | 'teacher-head'
  | 'class-centres'
  | 'indices'
  | 'labels'
  | 'logits'
  | 'randomness';

/** The networks and data that a method's learned modules and memories are built for. */
export interface MethodContext {
  /** Declares learned modules and memories. */
  readonly scope: Scope;
  readonly student: NetworkShape;
  readonly teacher: NetworkShape;
  /** The labels of all training images. */
  readonly labels: Int32Array;
  readonly classes: number;
}

/** A phase before training proper, with a loss of its own. */
export interface Pretraining {
  readonly epochs: number;
  /** Default: the initial rate of training. */
  readonly learningRate?: number;
  readonly terms: (step: StepContext) => Terms;
  /** How the student's batch norms work in this phase; default: train. */
  readonly student?: Mode;
  /** Whether this phase moves a trainable variable, by its full name (`student/conv1.weight`, `method/fitnet/...`). */
  readonly moves: (name: string) => boolean;
}

/** A method's loss for a pair of networks. */
export interface Loss {
  /** The terms by name; called while a step is recorded. */
  readonly terms: (step: StepContext) => Terms;
  readonly pretraining?: Pretraining;
  /** Modules that training proper does not move. */
  readonly frozen?: Scope;
}

export interface Method {
  readonly name: string;
  /** Other names for it, valid on the command line too. */
  readonly aliases: readonly string[];
  /** Earlier names of hyperparameters, which stay valid, with the present ones. */
  readonly hyperAliases: Readonly<Record<string, string>>;
  readonly summary: string;
  /** The paper, and the code whose weights are the defaults. */
  readonly source: string;
  readonly needs: readonly Need[];
  /** The published weights; an option of the same name overrides one. */
  readonly defaults: MethodSettings;
  /** The values that hyperparameters may have. */
  readonly hyperRanges: Readonly<Record<string, HyperRange>>;
  /** The setting that weighs the method's own terms. */
  readonly weighs: 'alpha' | 'beta';
  /**
   * How the student predicts through the teacher's frozen head. linear: with a learned linear map if the embeddings
   * differ in size; bottleneck: with convolutions on its last feature map (SimKD). Absent: it has its own head.
   */
  readonly studentHead?: 'linear' | 'bottleneck';
  /** Replaces the common terms, cross-entropy and KD. */
  readonly classification?: (step: StepContext, settings: MethodSettings) => Terms;
  readonly build: (context: MethodContext, settings: MethodSettings) => Loss;
}

const neutral: MethodSettings = {
  gamma: 1,
  alpha: 0,
  beta: 0,
  delta: 0,
  temperature: 4,
  form: 'reference',
  teacherHeadShare: 0.5,
  hyper: {},
};

/** Settings with the method's hyperparameters by name. */
export type SettingsWith<H> = MethodSettings & { readonly hyper: { readonly [Name in keyof H]: number } };

interface Declared<H> {
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly source: string;
  readonly needs?: readonly Need[];
  readonly defaults: Partial<Omit<MethodSettings, 'hyper'>>;
  /** The hyperparameters and their published values. */
  readonly hyper?: H;
  readonly hyperAliases?: { readonly [earlier: string]: keyof H & string };
  /** Default of each: at least 0. */
  readonly hyperRanges?: { readonly [Name in keyof H]?: HyperRange };
  readonly weighs?: Method['weighs'];
  readonly studentHead?: Method['studentHead'];
  readonly classification?: Method['classification'];
}

/** The method's own terms: directly from a step's values, or built first, with learned modules and memories. */
type Own<H> =
  | { readonly terms: (step: StepContext, settings: SettingsWith<H>) => Terms }
  | { readonly build: (context: MethodContext, settings: SettingsWith<H>) => Loss };

export type MethodDefinition<H> = Declared<H> & Own<H>;

/** Declares a method; a file in `methods/` that exports one by default can be chosen by its name. */
export function defineMethod<const H extends Readonly<Record<string, number>> = Record<never, never>>(
  name: string,
  definition: MethodDefinition<H>,
): Method {
  const {
    aliases = [],
    hyperAliases = {},
    hyperRanges = {},
    summary,
    source,
    needs = [],
    defaults,
    weighs = 'beta',
    studentHead,
    classification,
  } = definition;
  const hyper: Readonly<Record<string, number>> = definition.hyper ?? {};
  // `combineMethods` always passes all declared hyperparameters: it merges given ones into the defaults.
  const own = (settings: MethodSettings) => settings as SettingsWith<H>;
  return {
    name,
    aliases,
    hyperAliases,
    hyperRanges: hyperRanges as Readonly<Record<string, HyperRange>>,
    summary,
    source,
    needs,
    weighs,
    defaults: { ...neutral, ...defaults, hyper },
    ...(studentHead && { studentHead }),
    ...(classification && { classification }),
    build: (context, settings) =>
      'terms' in definition
        ? { terms: (step) => definition.terms(step, own(settings)) }
        : definition.build(context, own(settings)),
  };
}
