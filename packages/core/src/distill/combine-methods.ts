/** The loss of one method, or the sum of several. */
import { UserError } from '../system/user-error';
import { classificationTerms } from './classification-terms';
import { stageFeatures } from './features';
import type { Loss, Method, MethodContext, MethodSettings, Need, Terms } from './method';

export interface WeightedMethod {
  readonly method: Method;
  readonly settings: MethodSettings;
}

export interface ChosenMethod {
  /** The methods' names, joined by `+`. */
  readonly name: string;
  readonly needs: ReadonlySet<Need>;
  readonly studentHead: Method['studentHead'];
  /** Their gamma and alpha hold for all members. */
  readonly settings: MethodSettings;
  /** Builds the members' modules and memories, each in its own scope. */
  readonly build: (context: MethodContext) => Loss;
}

/**
 * Sums methods: gamma CE + alpha KD once, with the first method's settings, then each method's own terms.
 * @throws UserError where the terms, pretraining or heads of two methods exclude each other
 */
export function combineMethods(members: readonly [WeightedMethod, ...WeightedMethod[]]): ChosenMethod {
  const [{ settings: common }] = members;
  const name = members.map(({ method }) => method.name).join('+');
  const classification =
    members.find(({ method }) => method.classification)?.method.classification ?? classificationTerms;
  return {
    name,
    needs: new Set(members.flatMap(({ method }) => method.needs)),
    studentHead: only(
      name,
      "the student's head",
      members.map(({ method }) => method.studentHead),
    ),
    settings: common,
    build(context) {
      const losses = members.map(({ method, settings }) => {
        if (method.needs.includes('equal-channels')) requireEqualChannels(method, context);
        return method.build({ ...context, scope: context.scope.child(method.name) }, settings);
      });
      const pretraining = only(
        name,
        'the pretraining',
        losses.map((one) => one.pretraining),
      );
      // Only pretrained modules are frozen, and only one method pretrains.
      const frozen = losses.find((one) => one.frozen)?.frozen;
      return {
        terms: (step) => sum(name, [classification(step, common), ...losses.map((one) => one.terms(step))]),
        ...(pretraining && { pretraining }),
        ...(frozen && { frozen }),
      };
    },
  };
}

/** One method with its published settings, changed where given. */
export function singleMethod(method: Method, changed: Partial<MethodSettings> = {}): ChosenMethod {
  const { defaults } = method;
  const hyper = { ...defaults.hyper, ...changed.hyper };
  return combineMethods([{ method, settings: { ...defaults, ...changed, hyper } }]);
}

/** @throws UserError where a stage has another number of channels in the student than in the teacher */
function requireEqualChannels({ name }: Method, { student, teacher }: MethodContext): void {
  const { student: ours, teacher: theirs } = stageFeatures(student.features, teacher.features);
  const channels = (maps: typeof ours) => maps.map((map) => map.channels).join(', ');
  if (channels(ours) === channels(theirs)) return;
  throw new UserError(
    `${name} needs as many channels in each stage of the student as in the teacher's: the teacher has ${channels(theirs)}, the student ${channels(ours)}.`,
    1,
  );
}

function only<T>(name: string, what: string, given: readonly (T | undefined)[]): T | undefined {
  const found = given.filter((one) => one !== undefined);
  if (new Set(found).size > 1) throw new UserError(`${name}: two of these methods set ${what}; only one can.`);
  return found[0];
}

function sum(name: string, parts: readonly Terms[]): Terms {
  const all: Record<string, Terms[string]> = {};
  for (const [term, value] of parts.flatMap((part) => Object.entries(part))) {
    if (Object.hasOwn(all, term))
      throw new UserError(`${name}: two of these methods have the term ${term}; leave one of them out.`);
    all[term] = value;
  }
  return all;
}
