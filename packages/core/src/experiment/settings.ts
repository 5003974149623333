import { closest } from 'fastest-levenshtein';
import { UserError } from '../system/user-error';
import { withDependencies } from './catalog';
import type { Settings, Stage } from './define';
import { flagName } from './option';

/** An experiment's option values: what was given, else the profile's, else the default. Throws UserError. */
export function resolveOptions(experiment: Stage, settings: Settings): Readonly<Record<string, unknown>> {
  const { profile, given } = settings;
  const values = profileOf(experiment, profile);
  const resolved = Object.fromEntries(
    Object.entries(experiment.options).map(([name, option]) => {
      if (Object.hasOwn(given, name)) return [name, option.check(given[name], flagName(name))];
      if (Object.hasOwn(values, name)) return [name, option.check(values[name], flagName(name))];
      if (option.required) throw new UserError(`${flagName(name)} must be given: ${option.help} (${option.valid})`);
      return [name, option.default];
    }),
  );
  experiment.check(resolved, settings);
  return resolved;
}

/** The option values of a stage, and of all it needs or uses, by name: a name means the same in all of them. */
export function resolveAll(experiment: Stage, settings: Settings): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...withDependencies(experiment).map((stage) => resolveOptions(stage, settings)));
}

/** The names of an experiment's profiles; `default` always among them, first. */
export function profileNames(experiment: Stage): readonly string[] {
  return ['default', ...Object.keys(experiment.profiles).filter((name) => name !== 'default')];
}

function profileOf(experiment: Stage, name: string): Readonly<Record<string, unknown>> {
  const names = profileNames(experiment);
  if (!names.includes(name)) {
    throw new UserError(
      `unknown profile '${name}'; did you mean '${closest(name, names)}'? (valid: ${names.join(', ')})`,
    );
  }
  return experiment.profiles[name] ?? {};
}
