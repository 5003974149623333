import { didYouMean } from '../system/did-you-mean';
import { UserError } from '../system/user-error';
import { withDependencies, withNeeds } from './catalog';
import { countingProfile } from './data-options';
import type { Overrides, Settings, Stage } from './define';
import { flagName } from './option';

/**
 * An experiment's option values: the given value, else the profile's, else the default.
 * @throws UserError for a value that is invalid, by itself or beside the others
 */
export function resolveOptions(experiment: Stage, settings: Settings): Overrides {
  const values = valuesOf(experiment, settings);
  experiment.check(values, settings);
  return values;
}

/**
 * The option values of an experiment and each of its dependencies. Checks beside each other those of the experiments
 * that run under these settings: its own, and those that it needs. It runs the experiments that it uses under options of
 * its choosing, and checks them itself.
 * @throws UserError
 */
export function resolveEach(experiment: Stage, settings: Settings): ReadonlyMap<Stage, Overrides> {
  const needed = new Set(withNeeds(experiment));
  return new Map(
    withDependencies(experiment).map((stage) => [
      stage,
      needed.has(stage) ? resolveOptions(stage, settings) : valuesOf(stage, settings),
    ]),
  );
}

/** The same values as one; a name means the same in all of these experiments. */
export const resolveAll = (experiment: Stage, settings: Settings): Overrides =>
  Object.assign({}, ...resolveEach(experiment, settings).values());

/** The option values of an experiment, each valid by itself. Throws UserError. */
function valuesOf(experiment: Stage, { profile, given }: Settings): Overrides {
  const values = profileOf(experiment, profile);
  const counts = countingProfile(experiment.options, values, given);
  return Object.fromEntries(
    Object.entries(experiment.options).map(([name, option]) => {
      if (Object.hasOwn(given, name)) return [name, option.check(given[name], flagName(name))];
      if (Object.hasOwn(values, name) && counts(option)) {
        return [name, option.check(values[name], flagName(name))];
      }
      if (option.required) throw new UserError(`${flagName(name)} must be given: ${option.help} (${option.valid})`);
      return [name, option.default];
    }),
  );
}

/** The names of an experiment's profiles; `default` always among them, first. */
export function profileNames(experiment: Stage): readonly string[] {
  return ['default', ...Object.keys(experiment.profiles).filter((name) => name !== 'default')];
}

/** The values that a profile sets for an experiment and its dependencies. Throws UserError for an unknown profile. */
export function profileValues(experiment: Stage, profile: string): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  for (const stage of withDependencies(experiment)) {
    for (const [name, value] of Object.entries(profileOf(stage, profile))) {
      if (Object.hasOwn(stage.options, name) && !values.has(name)) values.set(name, value);
    }
  }
  return values;
}

function profileOf(experiment: Stage, name: string): Overrides {
  const names = profileNames(experiment);
  if (!names.includes(name)) throw new UserError(`unknown profile '${name}'; ${didYouMean(name, names)}`);
  return experiment.profiles[name] ?? {};
}
