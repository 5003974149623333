import { isDeepStrictEqual } from 'node:util';
import { type Catalog, nameOf, withDependencies } from '@headshare/core/experiment/catalog';
import type { Overrides, Settings, Stage } from '@headshare/core/experiment/define';
import { flagName, type Option } from '@headshare/core/experiment/option';
import type { RecordedRun } from '@headshare/core/experiment/recorded/recorded-run';
import { profileNames, resolveOptions } from '@headshare/core/experiment/settings';
import { UserError } from '@headshare/core/system/user-error';

export interface Restated {
  /** As few words as possible: `--profile=smoke --seed=3`. */
  readonly words: readonly string[];
  /** Options that are newer than the run; they have their defaults. */
  readonly newOptions: readonly string[];
}

/**
 * The command line that gives an experiment, and the stages that it depends on, the options of a run.
 * @throws UserError if the experiment or an option no longer exists, or refuses its value
 */
export function restate(run: RecordedRun, catalog: Catalog): Restated {
  const { experiment: name, options: recorded } = run.identity;
  const experiment = catalog.experiments.get(name);
  if (experiment === undefined) {
    throw (
      catalog.broken.get(name) ??
      new UserError(`experiment ${catalog.package}:${name} no longer exists${useWorktree(run)}`)
    );
  }
  const stages = withDependencies(experiment).flatMap((stage) => {
    const values = recorded[nameOf(catalog, stage)];
    return values === undefined ? [] : [{ stage, values }];
  });
  const known = new Set(stages.flatMap(({ stage }) => Object.keys(stage.options)));
  const gone = Object.values(recorded)
    .flatMap((values) => Object.keys(values))
    .find((option) => !known.has(option));
  if (gone !== undefined) {
    throw new UserError(`${catalog.package}:${name} no longer has the option ${flagName(gone)}${useWorktree(run)}`);
  }

  const profile = profileNames(experiment).includes(run.profile) ? run.profile : 'default';
  const isRecorded = (given: Overrides): boolean =>
    stages.every(({ stage, values }) => differing(stage, values, { profile, given }).length === 0);
  let given = beyondDefaults(everyOption(stages), stages, profile);
  const wrong = stages.flatMap(({ stage, values }) => differing(stage, values, { profile, given }));
  if (wrong[0] !== undefined) {
    throw new UserError(`${catalog.package}:${name} no longer takes the run's value of ${wrong[0]}${useWorktree(run)}`);
  }
  for (const option of Object.keys(given)) {
    const { [option]: _, ...fewer } = given;
    if (attempt(() => isRecorded(fewer))) given = fewer;
  }
  const options: Record<string, Option<unknown>> = Object.assign({}, ...stages.map(({ stage }) => stage.options));
  return {
    words: [
      ...(profile === 'default' ? [] : [`--profile=${profile}`]),
      ...Object.entries(given).flatMap(([option, value]) => wordsOf(option, value, options[option])),
    ],
    // Runs do not record options that do not change the result.
    newOptions: [...new Set(stages.flatMap(({ stage, values }) => newIn(stage, values)))]
      .filter((option) => !options[option]?.notInKey)
      .map(flagName),
  };
}

interface RecordedStage {
  readonly stage: Stage;
  readonly values: Readonly<Record<string, unknown>>;
}

const useWorktree = ({ environments }: RecordedRun): string => {
  const commit = environments.at(-1)?.commit;
  return commit === undefined ? '' : `; --worktree runs the run's own commit, ${commit.slice(0, 8)}`;
};

/** All options as recorded, without those whose values differ between stages: they were not given, their defaults differ. */
function everyOption(stages: readonly RecordedStage[]): Overrides {
  const given: Record<string, unknown> = {};
  const differ = new Set<string>();
  for (const { stage, values } of stages) {
    const isNew = newIn(stage, values);
    for (const option of Object.keys(stage.options)) {
      if (isNew.includes(option)) continue;
      if (Object.hasOwn(given, option) && !isDeepStrictEqual(given[option], values[option])) differ.add(option);
      given[option] = values[option];
    }
  }
  return Object.fromEntries(Object.entries(given).filter(([option]) => !differ.has(option)));
}

/** Leaves out options that equal the defaults of all stages; a sweep, for example, refuses the options that it varies. */
function beyondDefaults(all: Overrides, stages: readonly RecordedStage[], profile: string): Overrides {
  const defaults = stages.map(({ stage }): Readonly<Record<string, unknown>> | undefined => {
    try {
      return resolveOptions(stage, { profile, given: {} });
    } catch {
      // The profile alone may leave required options unset.
      return undefined;
    }
  });
  const isDefault = (option: string, value: unknown): boolean =>
    stages.every(
      ({ stage }, i) =>
        !Object.hasOwn(stage.options, option) ||
        (defaults[i] !== undefined && isDeepStrictEqual(asRecorded(defaults[i][option]), value)),
    );
  return Object.fromEntries(Object.entries(all).filter(([option, value]) => !isDefault(option, value)));
}

/** Options of a stage that a run does not record though they have a value: they are newer than the run. */
const newIn = (stage: Stage, values: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(stage.options)
    .filter(([name, option]) => !Object.hasOwn(values, name) && (option.required || option.default !== undefined))
    .map(([name]) => name);

/** The flags of options whose values would differ from the run's. */
function differing(stage: Stage, values: Readonly<Record<string, unknown>>, settings: Settings): readonly string[] {
  const isNew = newIn(stage, values);
  return Object.entries(resolveOptions(stage, settings))
    .filter(([name, value]) => !isNew.includes(name) && !isDeepStrictEqual(asRecorded(value), values[name]))
    .map(([name]) => flagName(name));
}

/** A value after a round trip through JSON. */
const asRecorded = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function attempt(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return false;
  }
}

/** The words for an option; a repeatable option has a word for each value. */
function wordsOf(name: string, value: unknown, option: Option<unknown> | undefined): readonly string[] {
  const values: readonly unknown[] = option?.isRepeatable && Array.isArray(value) ? value.map((one) => [one]) : [value];
  return values.map((one) => word(name, one, option));
}

function word(name: string, value: unknown, option: Option<unknown> | undefined): string {
  if (value === undefined) return flagName(name).replace(/^--/, '--no-');
  const text = Array.isArray(value) ? value.join(',') : String(value);
  // A list's text may contain a comma.
  if (!attempt(() => isDeepStrictEqual(asRecorded(option?.parse(text, flagName(name))), value))) {
    throw new UserError(`no command line can set ${flagName(name)} to the run's value ${JSON.stringify(value)}`);
  }
  return `${flagName(name)}=${text}`;
}
