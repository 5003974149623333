/** The options that say what a student learns from its teacher. */
import type { MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import { type GivenSettings, type MethodChoice, parseMethod, parseMethods } from '../distill/parse-method';
import { methods } from '../distill/registry';
import { flag, group, list, number, type Option, oneOf, optional, text, type Values } from '../experiment/option';
import { UserError } from '../system/user-error';
import { requireMixable } from '../train/mixing';
import type { Distillation } from '../train/settings';
import type { SharedHead } from '../train/shared-head';
import { cachedTeacher, type TeacherCacheValues } from './teacher-cache-options';

const byMethod = "the method's own";
const weight = (help: string) => optional(number({ min: 0, help }), byMethod);

const hyperparameters = list(text({ help: '' }), {
  default: [],
  min: 0,
  help: 'hyperparameters: negatives=1024 or crd.negatives=1024 (npx nx run core:methods)',
});

/** The weights of a method; its published values apply to those left out. */
const methodWeights = group('Method', {
  gamma: weight("weight of the student's cross-entropy"),
  alpha: weight("weight of the KL divergence to the teacher's predictions (KD)"),
  beta: weight("weight of the method's own term"),
  delta: weight("weight of the teacher's-head term, where it is the second"),
  temperature: optional(number({ above: 0, help: 'temperature of the softmax in KD' }), byMethod),
  form: optional(
    oneOf(['reference', 'paper'], 'reference', { help: "loss: reference (public code), paper (heads share CE', H')" }),
    byMethod,
  ),
  teacherHeadShare: optional(
    number({ min: 0, max: 1, help: "paper form: share of the teacher's head, alpha^TH" }),
    byMethod,
  ),
  headFromTeacher: flag({ help: "initialise the student's head from the teacher's (--copy_head of the public code)" }),
  predictionShare: number({
    default: 0,
    min: 0,
    max: 1,
    help: "share s of the teacher's head in predictions: (1 - s) p_S + s p_TH",
  }),
});

export const methodOptions = group('Method', {
  method: methodsOption({
    default: 'th-kd',
    others: ['sh-kd'],
    help: 'distillation method, or a sum like crd:0.8+th-kd:0.02',
  }),
  methodOptions: hyperparameters,
  ...methodWeights,
});

/** The options of SH-KD's last stage, which distils from the teacher trained under the first student's head. */
export const studentHeadOptions = {
  ...group('SH-KD (--method=sh-kd)', {
    shMethod: methodsOption({ default: 'l2e', help: 'method of the last stage, as --method' }),
    shMethodOptions: hyperparameters,
    studentHead: oneOf(['frozen', 'initial', 'own'], 'frozen', {
      help: 'use of the shared head: frozen, initial (trained further), own (not used)',
    }),
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
    kind: 'choice',
    choices: [...methods.names, ...others],
    listedBy: 'core:methods',
    valid: `of ${[...methods.names, ...others].join(', ')}; several joined by +, with :weight`,
    check,
    parse: check,
  };
}
