import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean } from '@headshare/core/system/did-you-mean';
import { keepWorking } from '@headshare/core/system/output.cjs';
import type { ProjectConfiguration } from '@nx/devkit';
import { yargsNxInfixCommand, yargsRunCommand } from 'nx/src/command-line/run/command-object';
import yargs from 'yargs';

/** A target that the command line asks Nx to run, with the words that Nx passes on to it. */
interface Request {
  readonly project: string;
  readonly target: string;
  readonly configuration: string | undefined;
  readonly options: readonly string[];
}

type Projects = Readonly<Record<string, ProjectConfiguration>>;

/** The workspace's projects, once the graph is known: Nx does not pass them to the hook before tasks. */
let known: Projects = {};

/** Whether the plugin runs in Nx's own process, so that `process.argv` is Nx's command line. */
const inNxProcess = (): boolean => process.env.NX_ISOLATE_PLUGINS === 'false';

/**
 * Ends the command with exit code 2 and one sentence when `nx run` names a project, target or configuration that does
 * not exist. Nx itself exits with 1 for the first two, and runs the default for the third without a word.
 */
export function checkRequestedTarget(projects: Projects, workspaceRoot: string): void {
  known = projects;
  if (!inNxProcess()) return;
  const words = process.argv.slice(2);
  const request = checked(words);
  const file = request && experimentFile(request, workspaceRoot);
  // Nx must live as long as the training.
  if (file) keepWorking();
  if (file) process.env.HEADSHARE_NAMED_FILES = namedFiles(request.options, workspaceRoot);
  if (!request || !words.includes('--help')) return;
  // Nx would show the help of its executor.
  const { project, target, configuration, options } = request;
  if (file) {
    const profile = configuration === undefined ? [] : [`--profile=${configuration}`];
    const given = options.filter((word) => word.startsWith('--profile='));
    process.exit(runExperiment(workspaceRoot, file, [...profile, ...given, '--help']));
  }
  const help = projects[project]?.targets?.[target]?.metadata?.help?.command;
  if (help) process.exit(spawnSync(help, { cwd: workspaceRoot, shell: true, stdio: 'inherit' }).status ?? 1);
}

/**
 * Ends the command with exit code 2 when an experiment's options are wrong; the experiment itself prints the reason.
 * Otherwise prepares for Ctrl-C: Nx stops printing at once, so the advice to resume must come from here.
 */
export function prepareExperiment(argv: readonly string[], workspaceRoot: string): void {
  const request = checked(argv.slice(2));
  const file = request && experimentFile(request, workspaceRoot);
  if (!file) return;
  const { configuration, options } = request;
  const profile = configuration === undefined ? [] : [`--profile=${configuration}`];
  const status = options.length > 0 ? runExperiment(workspaceRoot, file, ['--check', ...profile, ...options]) : 0;
  if (status !== 0) refuse('', status);
  process.once('SIGINT', () => writeSync(2, '\nStopping after this step. Run the same command again to resume.\n'));
}

/**
 * Sizes and times of the files and folders that options name. They are an input of Nx's cache, which sees only the names
 * and would return the old result for changed weights. A folder counts by its own time, not by its contents.
 */
export function namedFiles(words: readonly string[], workspaceRoot: string): string {
  const values = words.map((word) => (word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word));
  return values
    .flatMap((value) => {
      const stat = value === '' ? undefined : statOf(resolve(workspaceRoot, value));
      return stat ? [`${value} ${stat.size} ${stat.mtimeMs}`] : [];
    })
    .join('\n');
}

/** Values that can be no path, such as a long list of runs, name no file; what is wrong with others the experiment says. */
function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Refuses an option that Nx would take for its own --batch and drop, so that another run would start. */
export function droppedOption(words: readonly string[]): string | undefined {
  const name = words.find((word) => word.startsWith('--batch-'))?.split('=', 1)[0];
  if (name === undefined) return undefined;
  const camelCase = name.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return `Nx takes ${name} for its own --batch and drops it; write --${camelCase}`;
}

/** Parses `run face:distill:smoke --seed=3` or `distill face --seed=3` as Nx does; `undefined` for other commands. */
export function parseRequest(words: readonly string[], projects: Projects): Request | undefined {
  const isRun = words[0] === 'run';
  const command = isRun ? yargsRunCommand : yargsNxInfixCommand;
  const parsed: Record<string, unknown> = yargs([...words])
    .command({ ...command, handler: () => undefined })
    .help(false)
    .version(false)
    .fail(false)
    .parseSync();
  const id = parsed['project:target:configuration'] ?? `${parsed.project ?? ''}:${parsed.target ?? ''}`;
  const [project, target, configuration, ...more] = String(id).split(':');
  // Nx itself answers `nx run distill` in a package's folder, and targets with a colon in their names.
  if (!project || !target || more.length > 0) return undefined;
  // `nx show project` looks like `nx distill face`.
  if (!isRun && !projects[project] && !Object.values(projects).some(({ targets }) => targets?.[target]))
    return undefined;
  const named = [parsed.configuration].flat().at(-1);
  const options = parsed['--'] ?? (parsed._ as unknown[]).slice(isRun ? 1 : 0);
  return {
    project,
    target,
    configuration: typeof named === 'string' ? named : configuration,
    options: (options as unknown[]).map(String),
  };
}

function checked(words: readonly string[]): Request | undefined {
  const request = parseRequest(words, known);
  const problem = request && (droppedOption(words) ?? findProblem(request, known));
  if (problem !== undefined) refuse(problem, 2);
  return request;
}

function experimentFile({ project, target }: Request, workspaceRoot: string): string | undefined {
  const file = `${known[project]?.root}/experiments/${target}.ts`;
  return existsSync(join(workspaceRoot, file)) ? file : undefined;
}

/** Runs an experiment's own command line. @returns its exit code */
function runExperiment(workspaceRoot: string, file: string, words: readonly string[]): number {
  const command = ['-r', './packages/core/register.cjs', 'packages/core/src/experiment/main.ts', file, ...words];
  return spawnSync(process.execPath, command, { cwd: workspaceRoot, stdio: 'inherit' }).status ?? 1;
}

/** An error for a name that does not exist, with the nearest valid name; `undefined` if all names exist. */
export function findProblem({ project, target, configuration }: Request, projects: Projects): string | undefined {
  const targets = projects[project]?.targets ?? {};
  if (!Object.hasOwn(projects, project)) return unknown('project', project, Object.keys(projects));
  const found = Object.hasOwn(targets, target) ? targets[target] : undefined;
  if (found === undefined) return unknown(`target of ${project}`, target, Object.keys(targets));
  // A file that does not load has no profiles to compare with; running it prints its error.
  if (!found.cache && String(found.options?.command).includes('/experiments/')) return undefined;
  // In Nx the default profile is the absence of a configuration.
  const configurations = ['default', ...Object.keys(found.configurations ?? {})];
  if (configuration === undefined || configurations.includes(configuration)) return undefined;
  return unknown(`profile of ${project}:${target}`, configuration, configurations);
}

const unknown = (kind: string, name: string, valid: readonly string[]): string =>
  `unknown ${kind} '${name}'; ${didYouMean(name, valid)}`;

/**
 * Ends Nx's process. Nx exits with 1 for anything that a plugin throws, so another exit code needs the plugin to run in
 * its process (NX_ISOLATE_PLUGINS=false and NX_DAEMON=false, set in .env). In any other process this throws.
 */
function refuse(sentence: string, status: number): never {
  if (!inNxProcess()) throw new Error(sentence || 'the command line is wrong');
  if (sentence !== '') process.stderr.write(`${sentence}\n`);
  process.exit(status);
}
