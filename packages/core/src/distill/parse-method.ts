/** Reads methods from the command line: `crd`, `crd:0.8+th-kd:0.02`. */
import { decimal } from '../system/decimal';
import { didYouMean } from '../system/did-you-mean';
import { UserError } from '../system/user-error';
import { type ChosenMethod, combineMethods, type WeightedMethod } from './combine-methods';
import { isInRange, rangeWords } from './hyper-range';
import type { Method, MethodSettings } from './method';
import { methods } from './registry';

export interface NamedMethod {
  readonly method: Method;
  /** The weight of the method's own terms; undefined: the published one. */
  readonly weight: number | undefined;
}

/**
 * Reads `name`, `name:weight`, and several joined by `+`.
 * @param others further valid names, for the error
 * @throws UserError with the mistake and the closest name
 */
export function parseMethods(text: string, option: string, others: readonly string[] = []): readonly NamedMethod[] {
  const parts = text.split('+').map((part) => part.trim());
  const parsed = parts.map((part): NamedMethod => {
    const [name = '', weight, ...more] = part.split(':');
    if (!methods.names.includes(name)) {
      const valid = [...methods.names, ...others];
      throw new UserError(`${option}: unknown method '${name}'; ${didYouMean(name, valid)}; + joins several`);
    }
    if (weight === undefined) return { method: methods.named(name), weight: undefined };
    const value = decimal(weight) ?? Number.NaN;
    if (!Number.isFinite(value) || value < 0 || more.length > 0) {
      throw new UserError(
        `${option}: '${part}' must be a method, a colon and a weight of at least 0, such as ${name}:0.5`,
      );
    }
    return { method: methods.named(name), weight: value };
  });
  const names = parsed.map(({ method }) => method.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UserError(`${option}: ${twice} is given twice; give it once, with one weight`);
  return parsed;
}

/**
 * Reads hyperparameters: `negatives=1024` or, where two methods have one of that name, `crd.negatives=1024`.
 * @returns values by method, then by name
 * @throws UserError for a name that none of the methods has
 */
export function parseHyper(
  assignments: readonly string[],
  chosen: readonly Method[],
  option: string,
): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const given = new Map<string, Record<string, number>>();
  for (const assignment of assignments) {
    if (!/=./.test(assignment)) {
      throw new UserError(
        `${option}: '${assignment}' must be a name, an equals sign and a number, such as negatives=1024`,
      );
    }
    const { owner, name, text, owners } = readHyper(assignment, chosen);
    const known = chosen.flatMap((one) => Object.keys(one.defaults.hyper).map((key) => `${one.name}.${key}`));
    if (name === '' || owners.length === 0) {
      const wanted = owner ? `${owner}.${name}` : name;
      const hint = known.length === 0 ? 'it has none' : didYouMean(wanted, known);
      throw new UserError(
        `${option}: '${assignment}' sets no hyperparameter of ${chosen.map((one) => one.name).join('+')}; ${hint}`,
      );
    }
    if (owners.length > 1) {
      throw new UserError(
        `${option}: ${owners.map((one) => one.name).join(' and ')} both have ${name}; write ${owners[0]?.name}.${name}=${text}`,
      );
    }
    const value = decimal(text.trim()) ?? Number.NaN;
    if (!Number.isFinite(value)) {
      throw new UserError(`${option}: ${name} must be a number, got '${text}'`);
    }
    const [method] = owners as [Method];
    const hyper = hyperNamed(method, name);
    const range = method.hyperRanges[hyper] ?? {};
    if (!isInRange(value, range)) {
      throw new UserError(`${option}: ${name} of ${method.name} must be ${rangeWords(range)}, got ${text}`);
    }
    given.set(method.name, { ...given.get(method.name), [hyper]: value });
  }
  return given;
}

/** Splits `crd.negatives=1024` into its parts. `owners` are the methods that have this hyperparameter. */
function readHyper(assignment: string, chosen: readonly Method[]) {
  const [, owner, name = '', text = ''] = /^(?:([\w-]+)\.)?(\w+)=(.+)$/.exec(assignment) ?? [];
  const owners = chosen.filter(
    (one) => isNamed(one, owner) && Object.hasOwn(one.defaults.hyper, hyperNamed(one, name)),
  );
  return { owner, name, text, owners };
}

/** Whether an assignment sets a hyperparameter of one of the methods. */
export const setsHyperOf = (chosen: readonly Method[], assignment: string): boolean =>
  readHyper(assignment, chosen).owners.length > 0;

/** The present name of a hyperparameter. */
const hyperNamed = ({ hyperAliases }: Method, name: string): string =>
  Object.hasOwn(hyperAliases, name) ? (hyperAliases[name] as string) : name;

const isNamed = ({ name, aliases }: Method, wanted: string | undefined): boolean =>
  wanted === undefined || name === wanted || aliases.includes(wanted);

/** Settings that replace the published ones. */
export type GivenSettings = {
  readonly [Name in Exclude<keyof MethodSettings, 'hyper'>]?: MethodSettings[Name] | undefined;
};

export interface MethodChoice {
  /** As `parseMethods` reads it. */
  readonly methods: string;
  readonly given?: GivenSettings;
  /** As `parseHyper` reads it. */
  readonly hyper?: readonly string[];
  /** The options' names, for errors. */
  readonly options?: { readonly methods: string; readonly hyper: string };
  /** Settings that a package's task wants instead of the published ones, by the method's name. */
  readonly methodDefaults?: Readonly<Record<string, Partial<MethodSettings>>>;
}

/**
 * The methods named on the command line, with their settings. One method has its published weights. In a sum
 * cross-entropy weighs 1 and KD nothing, unless `kd` is part of it or they are given; each method's own terms have the
 * weight after its colon, or the published one.
 * @throws UserError for invalid text, and for a weight that could be any method's in a sum
 */
export function parseMethod({
  methods: text,
  given = {},
  hyper = [],
  methodDefaults = {},
  options = { methods: '--method', hyper: '--method-options' },
}: MethodChoice): ChosenMethod {
  const named = parseMethods(text, options.methods);
  const own = parseHyper(
    hyper,
    named.map(({ method }) => method),
    options.hyper,
  );
  const several = named.length > 1;
  if (several && given.beta !== undefined) {
    const example = named.map(({ method }) => `${method.name}:${method.defaults.beta}`).join('+');
    throw new UserError(
      `--beta could mean any method of ${text}; give each its own weight: ${options.methods}=${example}`,
    );
  }
  const kd = named.find(({ method }) => method.weighs === 'alpha' && method.defaults.alpha > 0);
  const shared = several
    ? { gamma: given.gamma ?? 1, alpha: given.alpha ?? kd?.weight ?? kd?.method.defaults.alpha ?? 0 }
    : {};
  const changed = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const members = named.map(({ method, weight }): WeightedMethod => {
    const { defaults, name, weighs } = method;
    const taskDefaults = methodDefaults[name] ?? {};
    return {
      method,
      settings: {
        ...defaults,
        ...taskDefaults,
        ...changed,
        ...(weight !== undefined && { [weighs]: weight }),
        ...shared,
        hyper: { ...defaults.hyper, ...taskDefaults.hyper, ...own.get(name) },
      },
    };
  });
  return combineMethods(members as [WeightedMethod, ...WeightedMethod[]]);
}
