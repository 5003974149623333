import { optionsOf } from './arguments';
import { type Catalog, nameOf } from './catalog';
import type { Stage } from './define';
import { flagName, isCamelCaseFlag, type Option, type Options, valueText } from './option';
import { profileNames, profileValues } from './settings';

/** The longest line of `--help`, in characters. */
const lineLength = 120;

const placeholders: Readonly<Record<Option<unknown>['kind'], string>> = {
  integer: 'N',
  number: 'X',
  choice: 'NAME',
  text: 'TEXT',
  file: 'FILE',
  folder: 'DIR',
  flag: '',
  list: 'A,B',
  size: 'HxW',
};

/** The text of an experiment's `--help`, with the values of the profile. Throws UserError for an unknown profile. */
export function helpText(experiment: Stage, catalog: Catalog, profile: string): string {
  const target = `npx nx run ${catalog.package}:${nameOf(catalog, experiment)}`;
  const needs = Object.values(experiment.needs).map((stage) => nameOf(catalog, stage));
  const others = profileNames(experiment).filter((name) => name !== profile);
  const [other] = others;
  return [
    experiment.summary,
    `Usage: ${target}[:profile] [--option=value ...]`,
    needs.length > 0 && `These stages run first, unless they are finished: ${needs.join(', ')}`,
    `Each option's default is in brackets; these are the defaults of the profile '${profile}'.`,
    optionTable(optionsOf([experiment]), profileValues(experiment, profile)),
    other !== undefined &&
      `Other profiles: ${others.join(', ')}. Their values: ${target}${other === 'default' ? '' : `:${other}`} --help`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** The options of an experiment or command under their headings, a line each. `values` replace defaults. */
export function optionTable(options: Options, values: ReadonlyMap<string, unknown> = new Map()): string {
  const rows = Object.entries(options).map(([name, option]) => ({
    name,
    left: `  ${flagName(name)}${option.kind === 'flag' ? '' : '='}${option.placeholder ?? placeholders[option.kind]}  `,
    option,
    heading: option.group ?? 'Options',
  }));
  const indent = Math.max(...rows.map(({ left }) => left.length));
  const headings = [...new Set(rows.map(({ heading }) => heading))];
  const sections = headings.map((heading) => {
    const lines = rows
      .filter((row) => row.heading === heading)
      .map(({ name, left, option }) => {
        const value = values.has(name) ? values.get(name) : option.default;
        return left.padEnd(indent) + describe(option, value, lineLength - indent);
      });
    return [heading, ...lines].join('\n');
  });
  const camelCase = Object.keys(options).filter(isCamelCaseFlag).map(flagName);
  const note = `${camelCase.join(', ')}: in camel case, because Nx reads every option --batch-... as its own --batch.`;
  return [...sections, ...(camelCase.length > 0 ? [note] : [])].join('\n\n');
}

/** As many of an option's choices as fit into a line, unless its help explains them already. */
function describe(option: Option<unknown>, value: unknown, length: number): string {
  const { help, choices = [], listedBy, range } = option;
  const end = `${range === undefined ? '' : ` (${range})`} [${shownValue(option, value)}]`;
  if (choices.length === 0 || help.includes(': ')) return help + end;
  for (let count = choices.length; ; count--) {
    const more = count < choices.length;
    const names = [...choices.slice(0, count), ...(more && count > 0 ? ['...'] : [])].join(', ');
    const listed = more && listedBy !== undefined ? ` (npx nx run ${listedBy})` : '';
    const line = `${help}${names === '' ? '' : `: ${names}`}${listed}${end}`;
    if (line.length <= length || count === 0) return line;
  }
}

/** A value as `--help` shows it. */
export function shownValue({ required, absent = 'not set' }: Option<unknown>, value: unknown): string {
  if (value === undefined) return required ? 'required' : absent;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return valueText(value) || 'none';
}
