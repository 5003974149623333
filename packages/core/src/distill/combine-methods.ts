/** What a student is trained by: one method, or several summed. */
import { UserError } from '../system/user-error';
import { classificationTerms } from './classification-terms';
import { stageFeatures } from './features';
import type { Loss, Method, MethodContext, MethodSettings, Need, StepContext, Terms } from './method';

export interface WeightedMethod {
  readonly method: Method;
  readonly settings: MethodSettings;
}

export interface ChosenMethod {
  /** The methods' names, joined by `+`. */
  readonly name: string;
  readonly needs: ReadonlySet<Need>;
  readonly studentHead: Method['studentHead'];
  /** gamma and alpha are those of all members. */
  readonly settings: MethodSettings;
  /** Makes what its members learn and keep; in a scope of each one's own. */
  readonly build: (context: MethodContext) => Loss;
}

/**
 * The sum of its members: gamma CE + alpha KD once, by the first one's settings, then each one's own terms.
 * @throws UserError where two members' terms, pretraining or heads exclude each other
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
      'the head that the student predicts through',
      members.map(({ method }) => method.studentHead),
    ),
    settings: common,
    build(context) {
      const criteria = members.map(({ method, settings }) => {
        if (method.needs.includes('equal-channels')) requireEqualChannels(method, context);
        return method.build({ ...context, scope: context.scope.child(method.name) }, settings);
      });
      const pretraining = only(
        name,
        'what comes before training',
        criteria.map((one) => one.pretraining),
      );
      // Only what was learned before training stays as it is, and that is one member's.
      const frozen = criteria.find((one) => one.frozen)?.frozen;
      return {
        terms: (step) => sum(name, [classification(step, common), ...criteria.map((one) => one.terms(step))]),
        ...(pretraining && { pretraining }),
        ...(frozen && { frozen }),
      };
    },
  };
}

/** One method by itself, with its published settings unless told. */
export function singleMethod(method: Method, changed: Partial<MethodSettings> = {}): ChosenMethod {
  const { defaults } = method;
  const hyper = { ...defaults.hyper, ...changed.hyper };
  return combineMethods([{ method, settings: { ...defaults, ...changed, hyper } }]);
}

/** The terms of a method that neither learns nor remembers anything, for tests and tools. */
export function termsOf(method: Method, step: StepContext, changed: Partial<MethodSettings> = {}): Terms {
  const nowhere = new Proxy({} as MethodContext, {
    get: (_, key) => {
      if (key === 'scope') return { child: () => nowhere };
      throw new Error(`${method.name} asks for the networks' ${String(key)}: build it for a pair of networks.`);
    },
  });
  return singleMethod(method, changed).build(nowhere).terms(step);
}

/** @throws UserError where a stage has other numbers of channels in the two networks */
function requireEqualChannels({ name }: Method, { student, teacher }: MethodContext): void {
  const { student: ours, teacher: theirs } = stageFeatures(student.features, teacher.features);
  const channels = (maps: typeof ours) => maps.map((map) => map.channels).join(', ');
  if (channels(ours) === channels(theirs)) return;
  throw new UserError(
    `${name} needs a student whose stages have the teacher's numbers of channels: they are ${channels(theirs)}, the student's ${channels(ours)}.`,
    1,
  );
}

function only<T>(name: string, what: string, given: readonly (T | undefined)[]): T | undefined {
  const found = given.filter((one) => one !== undefined);
  if (new Set(found).size > 1) throw new UserError(`${name}: two of its methods determine ${what}; only one can.`);
  return found[0];
}

function sum(name: string, parts: readonly Terms[]): Terms {
  const all: Record<string, Terms[string]> = {};
  for (const [term, value] of parts.flatMap((part) => Object.entries(part))) {
    if (Object.hasOwn(all, term))
      throw new UserError(`${name}: the term ${term} is in it twice; leave one of them out.`);
    all[term] = value;
  }
  return all;
}
