/** The options of distillation: methods, their weights, and the teacher's cache. */
import type { MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import { type GivenSettings, type MethodChoice, parseMethod, parseMethods } from '../distill/parse-method';
import { methods } from '../distill/registry';
import type { Option, Values } from '../experiment/option';
import { flag, group, integer, list, number, oneOf, optional, text } from '../experiment/option';
import { UserError } from '../system/user-error';
import { requireMixable } from '../train/mixing';
import type { SharedHead } from '../train/networks/shared-head';
import type { Distillation } from '../train/settings';
import { checkCachedMethods, checkUnmixed } from '../train/teacher-cache/refusals';

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
  delta: weight("weight of TH-KD's term in crd-th-kd and l2e-th-kd"),
  temperature: optional(number({ above: 0, help: 'temperature of the softmax in KD' }), byMethod),
  form: optional(
    oneOf(['reference', 'paper'], 'reference', {
      help: "loss: reference (public code), paper (the paper's equations)",
    }),
    'reference',
  ),
  teacherHeadShare: optional(
    number({ min: 0, max: 1, help: "--form=paper: share of the teacher's head in CE and KD" }),
    byMethod,
  ),
  headFromTeacher: flag({ help: "start the student's head as a copy of the teacher's" }),
  predictionShare: number({ default: 0, min: 0, max: 1, help: "share of the teacher's head in predictions" }),
});

export const methodOptions = group('Method', {
  method: methodsOption('th-kd', { others: ['sh-kd'], help: 'distillation method, or a sum like crd:0.8+th-kd:0.02' }),
  methodOptions: hyperparameters,
  ...methodWeights,
});

/** The options of SH-KD's last stage, which distils from the teacher trained under the first student's head. */
export const studentHeadOptions = {
  ...group('SH-KD (--method=sh-kd)', {
    shMethod: methodsOption('l2e', { help: 'method of the last stage, as --method' }),
    shMethodOptions: hyperparameters,
    studentHead: oneOf(['frozen', 'initial', 'own'], 'frozen', {
      help: 'use of the shared head: frozen, initial (trained further), own (not used)',
    }),
  }),
  ...methodWeights,
};

export const teacherCacheOptions = group('Teacher cache', {
  teacherCache: oneOf(['auto', 'off', 'float32', 'float16'], 'auto', {
    help: 'teacher outputs on disk: auto (if it saves time), float32, float16 (half as big)',
  }),
  teacherViews: integer({
    default: 0,
    min: 0,
    max: 1000,
    help: 'augment each image in N fixed ways, used in turn; 0: anew in each epoch',
  }),
  teacherCacheDir: optional(
    text({ placeholder: 'DIR', notInKey: true, help: 'folder of the cache' }),
    '.cache/teacher',
  ),
});

type MethodWeights = Values<typeof methodWeights>;
type CacheValues = Values<typeof teacherCacheOptions>;

/** Settings by method, for a package whose task wants others than the published ones. */
export type MethodDefaults = NonNullable<MethodChoice['methodDefaults']>;

/** The weights among an experiment's options, as `parseMethod` takes them. */
export const methodWeightsFrom = (options: MethodWeights): GivenSettings => {
  const { gamma, alpha, beta, delta, temperature, form, teacherHeadShare } = options;
  return { gamma, alpha, beta, delta, temperature, form, teacherHeadShare };
};

/** How `trainStudent` distils a teacher. @param teacher its checkpoint */
export function distillationFrom(
  options: MethodWeights & CacheValues,
  method: ChosenMethod,
  teacher: string,
): { readonly distillation: Distillation; readonly sharedHead?: SharedHead } {
  const { predictionShare, headFromTeacher } = options;
  return {
    distillation: { teacher, method, predictionShare, ...cachedTeacher(options) },
    ...(headFromTeacher && { sharedHead: { from: teacher, use: 'initial' } }),
  };
}

export function cachedTeacher(options: CacheValues): Pick<Distillation, 'views' | 'cache'> {
  const { teacherCache: type, teacherViews: views, teacherCacheDir: folder } = options;
  if (type === 'off') return { views };
  return { views, cache: type === 'auto' ? { type: 'float32', folder, isOptional: true } : { type, folder } };
}

/** Checks options of a distillation that are valid each by itself, but not together. @returns the method */
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

/** Checks that a cache can serve the methods, whose names are joined by `+`. */
export function checkTeacherCache(values: CacheValues & MixSettings, methods: string): void {
  if (values.teacherCache === 'off' || values.teacherCache === 'auto') return;
  checkCachedMethods(methods);
  checkUnmixed(values);
}

/** An option for methods: a name, or several joined by `+`, each with another weight than published after a colon. */
export function methodsOption(
  fallback: string,
  { others = [], help }: { readonly others?: readonly string[]; readonly help: string },
): Option<string> {
  const plain = text({ default: fallback, help });
  const choices = [...methods.names, ...others];
  const check = (value: unknown, name: string): string => {
    const given = plain.check(value, name);
    if (!others.includes(given)) parseMethods(given, name, others);
    return given;
  };
  return {
    ...plain,
    kind: 'choice',
    choices,
    listedBy: 'core:methods',
    valid: `of ${choices.join(', ')}; several joined by +, with :weight`,
    check,
    parse: check,
  };
}
