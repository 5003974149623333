/** The generated sections of the documentation: tables made from the registries, and the files that generators write. */
import { join } from 'node:path';
import type { Method } from '@headshare/core/distill/method';
import { methods } from '@headshare/core/distill/registry';
import { optionsOf } from '@headshare/core/experiment/arguments';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import { shownValue } from '@headshare/core/experiment/help';
import { flagName, type Option } from '@headshare/core/experiment/option';
import { profileValues } from '@headshare/core/experiment/settings';
import { measure } from '@headshare/core/nn/measure';
import { backbones, heads } from '@headshare/core/nn/registry';
import { type Column, markdownTable } from '@headshare/core/report/table';
import { render } from '../generate/templates';
import { repository } from './pages';

const code = (text: string): string => `\`${text}\``;
const codes = (names: readonly string[]): string | undefined =>
  names.length > 0 ? names.map(code).join(', ') : undefined;
const titles = (...names: readonly string[]): Column[] => names.map((title) => ({ title }));

function methodTable(): string {
  const row = ({ name, aliases, summary, source }: Method) => [
    code(name),
    codes(aliases),
    summary,
    source.replace(/arXiv (\d{4}\.\d{5})/g, '[arXiv $1](https://arxiv.org/abs/$1)'),
  ];
  return markdownTable({
    columns: titles('method', 'other names', 'the student learns from', 'paper; code; published weights'),
    rows: methods.all.map(row),
  });
}

function weightTable(): string {
  return markdownTable({
    columns: titles('method', 'γ', 'α', 'β', 'δ', 'T', '`--method-options`', 'reads'),
    rows: methods.all.map(({ name, defaults: { gamma, alpha, beta, delta, temperature, hyper }, needs }) => [
      code(name),
      ...[gamma, alpha, beta, delta, temperature].map(String),
      codes(Object.entries(hyper).map(([key, value]) => `${key}=${value}`)),
      needs.length > 0 ? needs.join(', ') : undefined,
    ]),
  });
}

function networkTable(): string {
  return markdownTable({
    columns: [
      ...titles('network', 'input'),
      { title: 'embedding', digits: 0 },
      { title: 'parameters, M', digits: 3 },
      { title: 'multiply-adds, M', digits: 1 },
      { title: 'feature maps' },
    ],
    rows: backbones.all.map(({ name, aliases = [] }) => {
      const { inputSize, embeddingSize, parameters, multiplyAdds, features } = measure(name);
      return [
        [name, ...aliases].map(code).join(', '),
        `${inputSize}`,
        embeddingSize,
        parameters / 1e6,
        multiplyAdds / 1e6,
        features.map((shape) => shape.join('x')).join(' '),
      ];
    }),
  });
}

function headTable(): string {
  return markdownTable({
    columns: titles('head', 'scale', 'margin', 'logits'),
    rows: heads.all.map(({ name, published, summary }) => [
      code(name),
      published && String(published.scale),
      published && String(published.margin),
      summary,
    ]),
  });
}

/** An option as one package declares it, with the value that its default profile gives it. */
interface Declared {
  readonly package: string;
  readonly option: Option<unknown>;
  readonly value: unknown;
}

const packages = ['face', 'imagenet', 'cub200'];

/** The options of an experiment and its dependencies, as these packages declare them. */
function declarations(experiment: string, of: readonly string[]): ReadonlyMap<string, readonly Declared[]> {
  const found = new Map<string, readonly Declared[]>();
  for (const name of of) {
    const stage = loadCatalog(join(repository, 'packages', name)).experiments.get(experiment);
    const values = stage ? profileValues(stage, 'default') : new Map();
    for (const [key, option] of Object.entries(stage ? optionsOf([stage]) : {})) {
      const value = values.has(key) ? values.get(key) : option.default;
      found.set(key, [...(found.get(key) ?? []), { package: name, option, value }]);
    }
  }
  return found;
}

/** A table of those options of an experiment that `wanted` accepts. */
function optionTable(
  experiment: string,
  wanted: (name: string, group: string | undefined) => boolean,
  of = packages,
): string {
  const rows = [...declarations(experiment, of)].filter(([name, [one]]) => wanted(name, one?.option.group));
  if (rows.length === 0) throw new Error(`No option of ${experiment} is in this table.`);
  return markdownTable({
    columns: titles('option', 'meaning', 'values', 'default'),
    rows: rows.map(([name, declared]) => [
      code(flagName(name)),
      byPackage(declared, ({ option: { help } }) => help),
      byPackage(declared, ({ option }) => valuesOf(option)),
      byPackage(declared, ({ option, value }) => shownValue(option, value)),
    ]),
  });
}

/** One text if the packages agree, otherwise a line for each. */
function byPackage(declared: readonly Declared[], text: (one: Declared) => string): string {
  const texts = new Set(declared.map(text));
  const lines = texts.size > 1 ? declared.map((one) => `${one.package}: ${text(one)}`) : texts;
  return [...lines].join('\n');
}

function valuesOf({ kind, range, choices, listedBy }: Option<unknown>): string {
  if (choices && listedBy) return `see \`npx nx run ${listedBy}\``;
  return choices?.join(', ') ?? [kind, range].filter(Boolean).join(' ');
}

const ofGroup = (group: string) => () => optionTable('distill', (_, own) => own === group);
const inDistill = (name: string): boolean => declarations('distill', packages).has(name);

/** The tables by the name in a page's markers. */
const tables: Readonly<Record<string, () => string>> = {
  methods: methodTable,
  'method weights': weightTable,
  networks: networkTable,
  heads: headTable,
  ...Object.fromEntries(
    [...new Set([...declarations('distill', packages).values()].map(([one]) => one?.option.group ?? ''))].map(
      (group) => [`options: ${group}`, ofGroup(group)],
    ),
  ),
  'options: Data of face': () => optionTable('distill', (_, group) => group === 'Data', ['face']),
  'options: Data of imagenet and cub200': () =>
    optionTable('distill', (_, group) => group === 'Data', ['imagenet', 'cub200']),
  'options of sweep and compare': () => optionTable('compare', (name) => !inDistill(name)),
  'options of cifar100-table': () => optionTable('cifar100-table', (_, group) => group === 'Table'),
  'options of evaluate': () => optionTable('evaluate', () => true),
};

/** Where each template's files go when a generator runs with the name of the documentation, for the package imagenet. */
const generatorFolders = {
  method: 'packages/core/src/distill',
  'learned-method': 'packages/core/src/distill',
  backbone: 'packages/core/src/nn/backbones',
  dataset: 'packages/imagenet/src/data',
  experiment: 'packages/imagenet/experiments',
};

/** All files that generators write, by template and path. */
export const generatedFiles: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  Object.entries(generatorFolders).map(([generator, folder]) => {
    const files = render(generator, { kebab: 'my-own', camel: 'myOwn', package: 'imagenet' });
    return [generator, Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]))];
  }),
);

/** The main file of a generator, as a code block that begins with its path. */
function fileOf(generator: string): string {
  const files = Object.entries(generatedFiles[generator] ?? {});
  const [path, text] = files.find(([name]) => !name.endsWith('.test.ts') && !name.includes('/losses/')) ?? [];
  if (text === undefined) throw new Error(`The generator ${generator} writes no file.`);
  return `\`\`\`ts\n// ${path}\n${text}\`\`\`\n`;
}

const templates = Object.fromEntries(
  Object.keys(generatedFiles).map((generator) => [`file of ${generator}`, () => fileOf(generator)]),
);

const sections: Readonly<Record<string, () => string>> = { ...tables, ...templates };

const marked = /^<!-- generated: (.+?) -->\n.*?^<!-- end -->$/gms;

/** The page with its generated sections made anew. @throws Error for a marker that names no section */
export function withGeneratedSections(page: string): string {
  return page.replace(marked, (_, name: string) => {
    const section = sections[name];
    if (!section) throw new Error(`There is no section '${name}': ${Object.keys(sections).join(', ')}.`);
    return `<!-- generated: ${name} -->\n${section()}<!-- end -->`;
  });
}
