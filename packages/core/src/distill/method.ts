import { distillationDivergence } from '../runtime/ops/cross-entropy';
import type { Scalar, Tensor2D, Tensor4D } from '../runtime/tensorflow';

/** What a network makes of a batch. */
export interface View {
  readonly features: readonly Tensor4D[];
  /** [batch, d] */
  readonly embedding: Tensor2D;
  /** [batch, classes], without margin */
  readonly logits: Tensor2D;
}

/** What a method may look at. No gradient reaches the teacher or its head. */
export interface Perception {
  readonly student: View;
  readonly teacher: View;
  /** The teacher's frozen head. */
  readonly teacherHead: (embedding: Tensor2D) => Tensor2D;
  /** The student's embedding in the teacher's space: itself where the sizes agree, else through a learned projector. */
  readonly projected: Tensor2D;
  /** Cross-entropy of logits [batch, classes] against the batch's labels. */
  readonly crossEntropy: (logits: Tensor2D) => Scalar;
  /** Cross-entropy of the student's own head, with its margin where it has one. */
  readonly studentCrossEntropy: () => Scalar;
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
}

/** A term of the loss: what is added is weight times value; what is logged is the value. */
export interface Term {
  readonly weight: number;
  readonly value: Scalar;
  /** The value is a sum over the batch's images, not a mean: of a part of the batch it is a part. */
  readonly summed?: boolean;
}

export interface Method {
  readonly name: string;
  /** Names that others give it; they work on the command line too. */
  readonly aliases: readonly string[];
  readonly summary: string;
  /** The published weights; an option of the same name overrides one. */
  readonly defaults: MethodSettings;
  /** The terms by name. Pure: no variables, no randomness. */
  readonly terms: (perception: Perception, settings: MethodSettings) => Readonly<Record<string, Term>>;
}

const neutral: MethodSettings = {
  gamma: 1,
  alpha: 0,
  beta: 0,
  delta: 0,
  temperature: 4,
  form: 'reference',
  teacherHeadShare: 0.5,
};

export interface MethodDefinition {
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly defaults: Partial<MethodSettings>;
  readonly terms: Method['terms'];
}

/** Declares a method; a file in `methods/` that exports one by default can be chosen by its name. */
export function defineMethod(name: string, { aliases = [], defaults, ...rest }: MethodDefinition): Method {
  return { name, aliases, defaults: { ...neutral, ...defaults }, ...rest };
}

/** gamma CE(student) + alpha KD(student, teacher): what every method of the reference starts from. */
export function classificationTerms(
  { student, teacher, studentCrossEntropy }: Perception,
  { gamma, alpha, temperature }: MethodSettings,
): Record<string, Term> {
  return {
    ...(gamma === 0 ? {} : { ce: { weight: gamma, value: studentCrossEntropy() } }),
    ...(alpha === 0
      ? {}
      : { kd: { weight: alpha, value: distillationDivergence(student.logits, teacher.logits, temperature) } }),
  };
}
