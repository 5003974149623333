import { type Catalog, nameOf, withDependencies } from './catalog';
import type { Stage } from './define';
import { flagName, type Option } from './option';
import { profileNames } from './settings';

/** The text of `--help`: what the experiment does, its options with defaults and ranges, its profiles. */
export function helpText(experiment: Stage, catalog: Catalog): string {
  const name = nameOf(catalog, experiment);
  const target = `${catalog.package}:${name}`;
  const listed = new Set<string>();
  const sections = withDependencies(experiment).map((stage) => {
    const title = stage === experiment ? 'Options:' : `Options of '${nameOf(catalog, stage)}':`;
    const fresh = Object.entries(stage.options).filter(([option]) => !listed.has(option));
    for (const [option] of fresh) listed.add(option);
    return fresh.length === 0
      ? ''
      : `${title}\n${table(fresh.map(([option, it]) => [flagName(option), describe(it)]))}`;
  });
  const profiles = profileNames(experiment).map((profile): [string, string] => [
    profile === 'default' ? 'default' : `:${profile}`,
    settingsLine(experiment, profile),
  ]);
  const needs = Object.values(experiment.needs).map((stage) => nameOf(catalog, stage));
  return [
    experiment.summary,
    `Usage: npx nx run ${target}[:profile] [--option=value ...]`,
    ...(needs.length > 0 ? [`Runs first, unless done already: ${needs.join(', ')}`] : []),
    ...sections,
    `Profiles:\n${table(profiles)}`,
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

function describe(option: Option<unknown>): string {
  const fallback = option.required
    ? 'required'
    : option.default === undefined
      ? 'not set by default'
      : `default ${shown(option.default)}`;
  return `${option.help} (${option.valid}; ${fallback})`;
}

/** What a profile sets for the experiment and for all that it needs or uses, its own settings first. */
function settingsLine(experiment: Stage, profile: string): string {
  const settings = new Map<string, unknown>();
  for (const { profiles, options } of withDependencies(experiment)) {
    for (const [name, value] of Object.entries(profiles[profile] ?? {})) {
      if (Object.hasOwn(options, name) && !settings.has(name)) settings.set(name, value);
    }
  }
  if (settings.size === 0) return profile === 'default' ? 'the defaults above' : 'nothing beyond the defaults';
  return [...settings].map(([name, value]) => `${flagName(name)}=${shown(value)}`).join(' ');
}

const shown = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n');
}
