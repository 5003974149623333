/** Every command of the documentation exists, with the options it is given. Nothing is run but `--help`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf, readArguments } from '@headshare/core/experiment/arguments';
import { type Catalog, loadCatalog, withDependencies } from '@headshare/core/experiment/catalog';
import { wantedWorkers, withSlices } from '@headshare/core/experiment/launch-workers';
import { camelCase, flagName } from '@headshare/core/experiment/option';
import { resolveOptions } from '@headshare/core/experiment/settings';
import { codeBlocks, inlineCode, readPages, repository } from './pages';

interface Command {
  /** The page. */
  readonly page: string;
  readonly words: readonly string[];
}

/** The commands of a line: without its comment, and each behind `&&` for itself. */
const split = (page: string, line: string): readonly Command[] =>
  line
    .replace(/(^|\s)#.*$/, '')
    .split('&&')
    .map((command) => ({ page, words: command.trim().split(/\s+/) }))
    .filter(({ words: [first] }) => first !== '');

const commands = readPages().flatMap(({ path, text }) => {
  const blocks = codeBlocks(text).filter(({ language }) => language === 'sh');
  const lines = blocks.flatMap(({ text: code }) => code.replaceAll('\\\n', ' ').split('\n'));
  return [...lines, ...inlineCode(text).filter((code) => /^(npx )?nx (run|g) \S+/.test(code))].flatMap((line) =>
    split(path, line),
  );
});

interface PackageJson {
  readonly nx?: { readonly targets?: Readonly<Record<string, { readonly options?: { readonly command?: string } }>> };
}

const folderOf = (project: string): string => (project === 'tools' ? 'tools' : `packages/${project}`);

function targetsOf(project: string): NonNullable<NonNullable<PackageJson['nx']>['targets']> {
  const file = join(repository, folderOf(project), 'package.json');
  if (!existsSync(file)) throw new Error(`There is no project ${project}.`);
  const { nx }: PackageJson = JSON.parse(readFileSync(file, 'utf8'));
  return nx?.targets ?? {};
}

const catalogs = new Map<string, Catalog>();
function catalogOf(project: string): Catalog {
  const catalog = catalogs.get(project) ?? loadCatalog(join(repository, folderOf(project)));
  catalogs.set(project, catalog);
  return catalog;
}

const helpTexts = new Map<string, string>();
function helpOf(command: string): string {
  const text =
    helpTexts.get(command) ?? spawnSync(`${command} --help`, { shell: true, cwd: repository, encoding: 'utf8' }).stdout;
  helpTexts.set(command, text);
  return text;
}

/** Replaces files and folders, which pages only make up, by some that are there. */
function existing(word: string, options: ReturnType<typeof optionsOf>): string {
  const [, name = ''] = /^--([\w-]+)=/.exec(word) ?? [];
  const kind = options[camelCase(name)]?.names;
  return kind === undefined ? word : `--${name}=${kind === 'file' ? __filename : __dirname}`;
}

/** The name of the methods, backbones and experiments that readers generate. */
const generated = 'my-own';

/** @throws Error for a project, target, profile or option that does not exist */
function checkRun(id: string, words: readonly string[]): void {
  const [project = '', target = '', profile = 'default'] = id.split(':');
  if (target === generated) return;
  const experiment = catalogOf(project).experiments.get(target);
  if (experiment) {
    const options = optionsOf([experiment]);
    const given = words
      .filter((word) => word !== '--' && word !== '--skip-nx-cache' && !word.includes(`=${generated}`))
      .map((word) => existing(word, options));
    const read = readArguments([`--profile=${profile}`, ...given], experiment, catalogOf(project), true);
    const workers = wantedWorkers(read.given, {});
    const settings = workers ? withSlices(read, workers, false) : read;
    if (!settings.help && given.length > 0)
      for (const stage of withDependencies(experiment)) resolveOptions(stage, settings);
    return;
  }
  const declared = targetsOf(project)[target];
  if (!declared) throw new Error(`There is no target ${project}:${target}.`);
  const options = words.filter((word) => /^--\w/.test(word)).map((word) => word.split('=')[0] ?? '');
  if (options.length === 0) return;
  const help = helpOf(declared.options?.command ?? '');
  const unknown = options.filter((option) => option !== '--help' && !help.includes(option));
  if (unknown.length > 0) throw new Error(`${project}:${target} has no option ${unknown.join(' ')}.`);
}

function checkGenerator(id: string, words: readonly string[]): void {
  const { generators } = JSON.parse(readFileSync(join(repository, 'tools/generators.json'), 'utf8'));
  const schema: string | undefined = generators[id.replace('./tools:', '')]?.schema;
  if (schema === undefined) throw new Error(`There is no generator ${id}.`);
  const { properties } = JSON.parse(readFileSync(join(repository, 'tools', schema), 'utf8'));
  for (const word of words.filter((one) => one.startsWith('--'))) {
    const name = word.slice(2).replace(/=.*/, '');
    if (!Object.hasOwn(properties, name)) throw new Error(`${id} has no option --${name}.`);
  }
}

/** @throws Error for a command that this test does not know, or whose parts do not exist */
function check(words: readonly string[]): void {
  const [program, ...rest] = words[0] === 'npx' ? words.slice(1) : words;
  if (program === 'npm' || program === 'git' || program === 'cd') return;
  if (['biome', 'apt-get', 'dpkg', 'curl', 'tar'].includes(program ?? '')) return;
  if (program === 'python') {
    if (!existsSync(join(repository, rest[0] ?? ''))) throw new Error(`There is no file ${rest[0]}.`);
    return;
  }
  const [first = '', second = '', ...others] = rest;
  if (program === 'jest') {
    const config = rest[rest.indexOf('-c') + 1] ?? '';
    if (!existsSync(join(repository, config))) throw new Error(`There is no file ${config}.`);
    return;
  }
  if (program !== 'nx') throw new Error(`Unknown command: ${words.join(' ')}`);
  if (first === 'run') checkRun(second, others);
  else if (first === 'g') checkGenerator(second, others);
  else if (first === 'show') targetsOf(others[0] ?? '');
  else if (['lint', 'typecheck', 'test', 'build'].includes(first)) targetsOf(second);
  else if (!['graph', 'affected', 'reset'].includes(first)) throw new Error(`Unknown command: ${words.join(' ')}`);
}

test.each([...new Set(commands.map(({ page }) => page))])(
  'every command of %s exists, with its options',
  (page) => {
    const wrong = commands
      .filter((command) => command.page === page)
      .flatMap(({ words }) => {
        try {
          check(words);
          return [];
        } catch (error) {
          return [`${words.join(' ')}: ${(error as Error).message}`];
        }
      });
    expect(wrong).toEqual([]);
  },
  60_000,
);

const flagsOf = (project: string): readonly string[] =>
  [...catalogOf(project).experiments.values()].flatMap((one) => Object.keys(optionsOf([one])).map(flagName));
const flags = new Set(['face', 'imagenet', 'cub200'].flatMap(flagsOf));

test('docs/options.md lists every option of every experiment; those of evaluate may be in docs/faces.md', () => {
  const textOf = (wanted: string) => readPages().find(({ path }) => path === wanted)?.text ?? '';
  const [options, faces] = ['docs/options.md', 'docs/faces.md'].map(textOf) as [string, string];
  const missing = ['face', 'imagenet', 'cub200'].flatMap((project) =>
    [...catalogOf(project).experiments].flatMap(([name, one]) => {
      const text = name === 'evaluate' ? options + faces : options;
      const own = Object.keys(optionsOf([one])).map(flagName);
      return own.filter((flag) => !text.includes(`\n| \`${flag}\` |`)).map((flag) => `${project}:${name} ${flag}`);
    }),
  );
  expect(missing).toEqual([]);
});

test('options that pages mention exist', () => {
  const known = new Set(['--help', '--check', '--skip-nx-cache', '--profile', ...flags]);
  for (const { page, words } of commands) {
    if (page.startsWith('docs/')) for (const word of words) known.add(word.split('=')[0] ?? '');
  }
  const help = [...helpTexts.values()].join('\n');
  const unknown = readPages().flatMap(({ path, text }) =>
    inlineCode(text)
      // Another program's options.
      .filter((code) => !code.startsWith('mlflow '))
      .flatMap((code) => code.match(/(?<![\w-])--[a-z][\w-]*\w(?![\w-])/gi) ?? [])
      .filter((option) => !known.has(option.replace('--no-', '--')) && !help.includes(option))
      .map((option) => `${path}: ${option}`),
  );
  expect(unknown).toEqual([]);
});
