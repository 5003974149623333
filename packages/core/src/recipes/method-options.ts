/** The options that say what a student learns from its teacher. */
import type { MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import { type GivenSettings, type MethodChoice, parseMethod, parseMethods } from '../distill/parse-method';
import { methods } from '../distill/registry';
import { flag, list, number, type Option, oneOf, optional, text, type Values } from '../experiment/option';
import { UserError } from '../system/user-error';
import { requireMixable } from '../train/mixing';
import type { Distillation } from '../train/settings';
import type { SharedHead } from '../train/shared-head';
import { cachedTeacher, type TeacherCacheValues } from './teacher-cache-options';

const weight = (help: string) => optional(number({ default: 0, min: 0, help: `${help}; default: the method's own` }));

const ownNumbers = list(text({ default: 'name=value', help: '' }), {
  default: [],
  min: 0,
  help: "the methods' own numbers: negatives=1024 or crd.negatives=1024; `nx run core:methods` lists them",
});

/** The weights of a method: what is not given is the method's published value. */
const methodWeights = {
  gamma: weight("weight of the student's cross-entropy"),
  alpha: weight("weight of the teacher's softened predictions (KD)"),
  beta: weight("weight of the method's own term"),
  delta: weight("weight of the teacher's-head term, where the method has another of its own"),
  temperature: optional(number({ default: 4, above: 0, help: "softens predictions; default: the method's own" })),
  form: optional(
    oneOf(['reference', 'paper'], 'reference', {
      help: "reference: the public code's loss; paper: CE' and H' shared between the heads; default: the recipe's",
    }),
  ),
  teacherHeadShare: optional(
    number({ default: 0.5, min: 0, max: 1, help: "paper form: the teacher's head's share, alpha^TH" }),
  ),
  headFromTeacher: flag({ help: "the student's head starts as its teacher's (the reference's --copy_head)" }),
  predictionShare: number({
    default: 0,
    min: 0,
    max: 1,
    help: "share of the teacher's head in the student's predictions: p' = (1 - share) p_s + share p_TH",
  }),
};

export const methodOptions = {
  method: methodsOption({
    default: 'th-kd',
    others: ['sh-kd'],
    help: 'what the student learns from the teacher; several are summed: crd:0.8+th-kd:0.02',
  }),
  methodOptions: ownNumbers,
  ...methodWeights,
};

/** How SH-KD's last stage learns from the teacher that was trained under the first student's head. */
export const studentHeadOptions = {
  shMethod: methodsOption({
    default: 'l2e',
    help: "SH-KD: what the new student learns from its teacher, by --method's names",
  }),
  shMethodOptions: ownNumbers,
  studentHead: oneOf(['frozen', 'initial', 'own'], 'frozen', {
    help: 'SH-KD: the new student keeps the shared head as it is, starts from it, or learns a head of its own',
  }),
  ...methodWeights,
};

type MethodWeights = Values<typeof methodWeights>;

/** Weights by the method's name, for a package whose task wants others than the published ones. */
export type MethodDefaults = NonNullable<MethodChoice['methodDefaults']>;

/** The weights among an experiment's options, as `parseMethod` takes them. */
export const methodWeightsFrom = (options: MethodWeights): GivenSettings => {
  const { gamma, alpha, beta, delta, temperature, form, teacherHeadShare } = options;
  return { gamma, alpha, beta, delta, temperature, form, teacherHeadShare };
};

/** How `trainStudent` distils a teacher. @param teacher its checkpoint */
export function distillationFrom(
  options: MethodWeights & TeacherCacheValues,
  method: ChosenMethod,
  teacher: string,
): { readonly distillation: Distillation; readonly sharedHead?: SharedHead } {
  const { predictionShare, headFromTeacher } = options;
  return {
    distillation: { teacher, method, predictionShare, ...cachedTeacher(options) },
    ...(headFromTeacher && { sharedHead: { from: teacher, use: 'initial' } }),
  };
}

/**
 * Checks the options of a distillation that are valid each by itself, but not together.
 * @returns the method
 */
export function checkDistillation(options: Values<typeof methodOptions> & MixSettings): ChosenMethod {
  const { method: methods, methodOptions: hyper, headFromTeacher, predictionShare } = options;
  const method = parseMethod({ methods, hyper, given: methodWeightsFrom(options) });
  requireMixable(options, method);
  const { studentHead, name } = method;
  if (studentHead !== undefined && headFromTeacher) {
    throw new UserError(`--head-from-teacher: with ${name} the student has its teacher's head already`);
  }
  if (studentHead !== undefined && predictionShare > 0) {
    throw new UserError(`--prediction-share: with ${name} the student predicts through its teacher's head alone`);
  }
  return method;
}

/** Methods by name: one, or several joined by `+`, each with its weight after a colon where it is another than published. */
export function methodsOption({
  default: fallback,
  others = [],
  help,
}: {
  readonly default: string;
  /** What may be given besides methods. */
  readonly others?: readonly string[];
  readonly help: string;
}): Option<string> {
  const plain = text({ default: fallback, help });
  const check = (value: unknown, name: string): string => {
    const given = plain.check(value, name);
    if (!others.includes(given)) parseMethods(given, name, others);
    return given;
  };
  return {
    ...plain,
    valid: `of ${[...methods.names, ...others].join(', ')}; several joined by +, with :weight`,
    check,
    parse: check,
  };
}
