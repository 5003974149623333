import { didYouMean } from '../system/did-you-mean';
import { UserError } from '../system/user-error';
import { withDependencies } from './catalog';
import { countingProfile } from './data-options';
import type { Settings, Stage } from './define';
import { flagName } from './option';

/** An experiment's option values: the given value, else the profile's, else the default. Throws UserError. */
export function resolveOptions(experiment: Stage, settings: Settings): Readonly<Record<string, unknown>> {
  const { profile, given } = settings;
  const values = profileOf(experiment, profile);
  const counts = countingProfile(experiment.options, values, given);
  const resolved = Object.fromEntries(
    Object.entries(experiment.options).map(([name, option]) => {
      if (Object.hasOwn(given, name)) return [name, option.check(given[name], flagName(name))];
      if (Object.hasOwn(values, name) && counts(option)) {
        return [name, option.check(values[name], flagName(name))];
      }
      if (option.required) throw new UserError(`${flagName(name)} must be given: ${option.help} (${option.valid})`);
      return [name, option.default];
    }),
  );
  experiment.check(resolved, settings);
  return resolved;
}

/** The option values of an experiment and its dependencies; a name means the same in all of them. */
export function resolveAll(experiment: Stage, settings: Settings): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...withDependencies(experiment).map((stage) => resolveOptions(stage, settings)));
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

function profileOf(experiment: Stage, name: string): Readonly<Record<string, unknown>> {
  const names = profileNames(experiment);
  if (!names.includes(name)) throw new UserError(`unknown profile '${name}'; ${didYouMean(name, names)}`);
  return experiment.profiles[name] ?? {};
}
