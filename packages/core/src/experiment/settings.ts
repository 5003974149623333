import { closest } from 'fastest-levenshtein';
import { UserError } from '../runtime/user-error';
import type { Overrides, Stage } from './define';
import { written } from './option';

/** What was asked for: a profile's name, and the option values given explicitly, by camelCase name. */
export interface Settings {
  readonly profile: string;
  readonly given: Overrides;
}

/** An experiment's option values: what was given, else the profile's, else the default. Throws UserError. */
export function resolveOptions(experiment: Stage, { profile, given }: Settings): Readonly<Record<string, unknown>> {
  const values = profileOf(experiment, profile);
  const resolved = Object.fromEntries(
    Object.entries(experiment.options).map(([name, option]) => {
      if (Object.hasOwn(given, name)) return [name, option.check(given[name], written(name))];
      if (Object.hasOwn(values, name)) return [name, option.check(values[name], written(name))];
      if (option.required) throw new UserError(`${written(name)} must be given: ${option.help} (${option.valid})`);
      return [name, option.default];
    }),
  );
  experiment.check(resolved);
  return resolved;
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
