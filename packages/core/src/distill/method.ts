import type { Mode } from '../nn/layers';
import type { NetworkShape } from '../nn/network-shape';
import type { Scope } from '../nn/scope';
import type { RandomKey } from '../runtime/ops/random';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '../runtime/tensorflow';

/** What a network makes of a batch. */
export interface ForwardOutput {
  /** Maps [batch, h, w, c] after the stem and after each stage. */
  readonly features: readonly Tensor4D[];
  /** The same maps before their last activation; none unless the method needs them. */
  readonly preactivations: readonly Tensor4D[];
  /** [batch, d] */
  readonly embedding: Tensor2D;
  /** [batch, classes], without margin; where not all classes take part in a step, of those that do */
  readonly logits: Tensor2D;
  /** The map that a bottleneck makes of the last one for another network's head; see `NetworkDescription`. */
  readonly transferred?: Tensor4D;
}

/** What a method may look at. No gradient reaches the teacher or its head. */
export interface StepContext {
  readonly student: ForwardOutput;
  readonly teacher: ForwardOutput;
  /** The teacher's frozen head. */
  readonly teacherHead: (embedding: Tensor2D) => Tensor2D;
  /** What that head multiplies cosines by, where its logits are cosines to class centres. */
  readonly cosineScale?: number | undefined;
  /** The student's embedding in the teacher's space: itself where the sizes agree, else through a learned projector. */
  readonly projected: Tensor2D;
  /** Cross-entropy of logits [batch, classes] against the batch's labels. */
  readonly crossEntropy: (logits: Tensor2D) => Scalar;
  /** Cross-entropy of the student's own head, with its margin where it has one. */
  readonly studentCrossEntropy: () => Scalar;
  /** int32 [batch] */
  readonly labels: Tensor1D;
  /** int32 [batch]: the labels as columns of logits, which may be of some classes alone. */
  readonly columns: Tensor1D;
  /** Of the batch's images in the training set, int32 [batch]. */
  readonly indices: Tensor1D;
  /** Another one at every step. */
  readonly random: RandomKey;
}

/**
 * The weights of a loss, by the reference's letters: gamma CE(student) + alpha KD + beta L_rep, where L_rep may hold
 * delta / beta times the teacher's-head term.
 */
export interface MethodSettings {
  readonly gamma: number;
  readonly alpha: number;
  readonly beta: number;
  readonly delta: number;
  /** Softens both sides of every soft-target term. */
  readonly temperature: number;
  /**
   * reference: the public code's sum of weighted terms. paper: the teacher's head also takes part in the
   * cross-entropy, and shares each term with the student's head (arXiv 2201.06945, CE' and H').
   */
  readonly form: 'reference' | 'paper';
  /** Paper's alpha^TH: the share of the teacher's head in CE' and H', 0..1. */
  readonly teacherHeadShare: number;
  /** The method's own numbers by name, of those that it declares. */
  readonly hyper: Readonly<Record<string, number>>;
}

/** A term of the loss: what is added is weight times value; what is logged is the value. */
export interface Term {
  readonly weight: number;
  readonly value: Scalar;
  /** The value is a sum over the batch's images, not a mean: of a part of the batch it is a part. */
  readonly summed?: boolean;
}

export type Terms = Readonly<Record<string, Term>>;

/**
 * What a method reads of the networks and of images besides predictions. equal-channels: the maps of each stage must have
 * as many channels in both; labels: it asks for the one class of an image, besides cross-entropy; class-centres: the
 * teacher's head is one of cosines.
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
  | 'randomness';

/** Where a method works: what its learned parts and memories are made for. */
export interface MethodContext {
  /** Learned parts and memories are declared here. */
  readonly scope: Scope;
  readonly student: NetworkShape;
  readonly teacher: NetworkShape;
  /** The training images' labels, by index. */
  readonly labels: Int32Array;
  readonly classes: number;
}

/** A phase before training proper, in which the method's term alone counts. */
export interface Pretraining {
  readonly epochs: number;
  /** Default: the one that training starts from. */
  readonly learningRate?: number;
  readonly terms: (step: StepContext) => Terms;
  /** Whether the student's batch norms follow the batches; default train: it is being trained. */
  readonly student?: Mode;
  /** Which trainable variables it moves, by their full names (`student/conv1.weight`, `method/fitnet/...`). */
  readonly moves: (name: string) => boolean;
}

/** A method made for a pair of networks. */
export interface Loss {
  /** The method's own terms by name, besides cross-entropy and KD; called while a step is recorded. */
  readonly terms: (step: StepContext) => Terms;
  readonly pretraining?: Pretraining;
  /** Where parts are that do not move in training proper. */
  readonly frozen?: Scope;
}

export interface Method {
  readonly name: string;
  /** Names that others give it; they work on the command line too. */
  readonly aliases: readonly string[];
  readonly summary: string;
  /** The paper, and whose code the numbers are those of. */
  readonly source: string;
  readonly needs: readonly Need[];
  /** The published weights; an option of the same name overrides one. */
  readonly defaults: MethodSettings;
  /** Which of the settings weighs what is the method's own. */
  readonly weighs: 'alpha' | 'beta';
  /**
   * The student predicts through the teacher's frozen head: linear: by a learned linear map where the embeddings differ
   * in size; bottleneck: by convolutions on its last map (SimKD). Absent: through a head of its own.
   */
  readonly studentHead?: 'linear' | 'bottleneck';
  /** Cross-entropy and KD, where the method has its own form of them. */
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

/** Settings with the method's own numbers by their names. */
export type SettingsWith<H> = MethodSettings & { readonly hyper: { readonly [Name in keyof H]: number } };

interface Declared<H> {
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly source: string;
  readonly needs?: readonly Need[];
  readonly defaults: Partial<Omit<MethodSettings, 'hyper'>>;
  /** The method's own numbers and their published values. */
  readonly hyper?: H;
  readonly weighs?: Method['weighs'];
  readonly studentHead?: Method['studentHead'];
  readonly classification?: Method['classification'];
}

/** Its own terms: from what is seen alone, or by parts that learn and memories, which are made first. */
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
    summary,
    source,
    needs = [],
    defaults,
    weighs = 'beta',
    studentHead,
    classification,
  } = definition;
  const hyper: Readonly<Record<string, number>> = definition.hyper ?? {};
  // Settings that are given always hold the declared numbers: `objective` puts them over the defaults.
  const own = (settings: MethodSettings) => settings as SettingsWith<H>;
  return {
    name,
    aliases,
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
