/** Options that have an effect on synthetic data alone, or on data in files alone. */
import { UserError } from '../system/user-error';
import type { Overrides } from './define';
import { flagName, type Option, type Options, valueText } from './option';

/** Has an effect on data in files alone. */
export const forFiles = <T>(option: Option<T>): Option<T> => ({ ...option, onlyFor: 'files' });

/** The same for options of a group: `help` is unchanged. */
export const allFor = <const O extends Options>(onlyFor: 'synthetic' | 'files', options: O): O =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { ...option, onlyFor }])) as O;

/** Whether the data set of these values is synthetic; undefined if there is no option that chooses one. */
function isSynthetic(options: Options, values: Overrides): boolean | undefined {
  const [name, option] = Object.entries(options).find(([, { synthetic }]) => synthetic !== undefined) ?? [];
  if (name === undefined || option === undefined) return undefined;
  return values[name] === option.synthetic;
}

/**
 * Tells whether a profile's value of an option counts: settings of a profile's synthetic data do not reach real data.
 * @param profile the values that the profile sets
 * @param given the values that override them
 */
export function countingProfile(options: Options, profile: Overrides, given: Overrides) {
  const defaults = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
  const ofProfile = isSynthetic(options, { ...defaults, ...profile });
  const isOther = ofProfile !== isSynthetic(options, { ...defaults, ...profile, ...given });
  return ({ ofData, onlyFor }: Option<unknown>): boolean => !isOther || !(ofData || onlyFor);
}

const dataOf = (synthetic: boolean) => (synthetic ? 'synthetic' : 'files');

/**
 * Sentences about given options that have no effect on the data set.
 * @throws UserError for a folder of data that synthetic data would ignore, and for an option without one that it needs
 */
export function withoutEffect(options: Options, values: Overrides, given: Overrides): readonly string[] {
  requireNeeded(options, values, given);
  const synthetic = isSynthetic(options, values);
  if (synthetic === undefined) return [];
  const idle = Object.keys(given).filter((name) => {
    const onlyFor = Object.hasOwn(options, name) ? options[name]?.onlyFor : undefined;
    return onlyFor !== undefined && given[name] !== undefined && onlyFor !== dataOf(synthetic);
  });
  const dataset = `--dataset=${values.dataset}`;
  if (idle.includes('data')) {
    throw new UserError(
      `--data=${given.data} has no effect with the synthetic ${dataset}: name the data set too, such as --dataset=folder (see --help)`,
    );
  }
  return idle.map(
    (name) =>
      `${flagName(name)}=${valueText(given[name])} has no effect with ${dataset}: it is for ${synthetic ? 'data in files' : 'synthetic data'}.`,
  );
}

function requireNeeded(options: Options, values: Overrides, given: Overrides): void {
  for (const [name, value] of Object.entries(given)) {
    const needs = value === undefined || !Object.hasOwn(options, name) ? undefined : options[name]?.needs;
    const lacking = needs?.(value).find((some) => some.every((one) => values[one] === undefined));
    if (!lacking) continue;
    const wanted = lacking.map(flagName).filter((flag) => Object.keys(options).some((one) => flagName(one) === flag));
    throw new UserError(`${flagName(name)}=${valueText(value)} has no effect: it needs ${wanted.join(' or ')}`);
  }
}
