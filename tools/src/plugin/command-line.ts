import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ProjectConfiguration } from '@nx/devkit';
import { closest } from 'fastest-levenshtein';

/** What `nx run project:target:configuration` asks for, and the words after it. */
interface Request {
  readonly project: string;
  readonly target: string;
  readonly configuration: string | undefined;
  readonly rest: readonly string[];
}

/** Nx's own options of `nx run`, dashes and capitals aside; the others are the target's. */
const nxFlags = words(`batch disableNxCache dte excludeTaskDependencies graph help nxBail nxIgnoreCycles prod
  skipNxCache skipRemoteCache skipSync tui tuiAutoExit verbose version`);
const nxOptions = words('c configuration exclude maxParallel outputStyle parallel runner');

/** Nx's commands that take a word of their own after them. */
const nxCommands =
  words(`add affected cloud completion connect configure-ai-agents daemon deploy e2e exec format format:check format:write g
  generate graph import init list login logout mcp migrate new plugin polygraph record release repair report reset
  run-many show start-ci-run sync view-logs watch workspace-generator`);

type Projects = Readonly<Record<string, ProjectConfiguration>>;

/** The workspace's projects, once the graph is known: Nx does not hand them to the hook before tasks. */
let known: Projects = {};

/** Whether the plugin lives in Nx's own process, whose command line `process.argv` then is. */
const inNxProcess = (): boolean => process.env.NX_ISOLATE_PLUGINS === 'false';

/**
 * Ends the command with exit code 2 and one sentence when `nx run` names a project, target or configuration that does
 * not exist. Nx itself would exit with 1 for the first two, and quietly run the default for the third.
 */
export function checkRequestedTarget(projects: Projects, workspaceRoot: string): void {
  known = projects;
  if (!inNxProcess()) return;
  const request = checked(process.argv);
  const file = request && experimentFile(request, workspaceRoot);
  if (file) process.env.HEADSHARE_NAMED_FILES = namedFiles(request.rest, workspaceRoot);
  // Nx would show the help of the executor.
  if (file && request.rest.includes('--help')) process.exit(commandLine(workspaceRoot, file, ['--help']));
}

/**
 * Ends the command with exit code 2 when an experiment's options are wrong; the experiment's own command line says how.
 * Otherwise Ctrl-C will say how to go on: Nx itself stops printing, tasks included, before they end.
 */
export function prepareExperiment(argv: readonly string[], workspaceRoot: string): void {
  const request = checked(argv);
  const file = request && experimentFile(request, workspaceRoot);
  if (!file) return;
  const options = targetOptions(request.rest);
  const status = options.length > 0 ? commandLine(workspaceRoot, file, ['--check', ...options]) : 0;
  if (status !== 0) refuse('', status);
  process.once('SIGINT', () => writeSync(2, '\nStopping after this step. The same command goes on from there.\n'));
}

/**
 * Sizes and times of the files and folders that options name: an input of Nx's cache, which otherwise sees their names
 * alone, and would answer for weights that have changed since. Of a folder its own time counts, not that of what is in it.
 */
export function namedFiles(words: readonly string[], workspaceRoot: string): string {
  const values = words.map((word) => (word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word));
  return values
    .flatMap((value) => {
      const stat = value === '' ? undefined : statSync(resolve(workspaceRoot, value), { throwIfNoEntry: false });
      return stat ? [`${value} ${stat.size} ${stat.mtimeMs}`] : [];
    })
    .join('\n');
}

/** What Nx takes for an option of its own, and drops: the run would quietly be another. */
export function swallowed(words: readonly string[]): string | undefined {
  const word = words.find((one) => /^--batch-/.test(one));
  if (word === undefined) return undefined;
  const [name = ''] = word.split('=', 1);
  const kept = name.replace(/-([a-z])/g, (_, letter: string, at: number) =>
    at < 2 ? `-${letter}` : letter.toUpperCase(),
  );
  return `Nx drops ${name}, taking it for its own --batch; write ${kept}`;
}

function checked(argv: readonly string[]): Request | undefined {
  const request = parseRequest(argv);
  const problem = request && (swallowed(request.rest) ?? findProblem(request, known));
  if (problem !== undefined) refuse(problem, 2);
  return request;
}

function experimentFile({ project, target }: Request, workspaceRoot: string): string | undefined {
  const file = `${known[project]?.root}/experiments/${target}.ts`;
  return existsSync(join(workspaceRoot, file)) ? file : undefined;
}

/** Runs an experiment's own command line; its exit code. */
function commandLine(workspaceRoot: string, file: string, words: readonly string[]): number {
  const command = ['-r', '@swc-node/register', 'packages/core/src/experiment/main.ts', file, ...words];
  return spawnSync(process.execPath, command, { cwd: workspaceRoot, stdio: 'inherit' }).status ?? 1;
}

/** `nx run face:distill:smoke --seed=3`, or `nx distill face --seed=3`; `undefined` for any other command. */
export function parseRequest(argv: readonly string[]): Request | undefined {
  const [first = '', second = '', ...others] = argv.slice(2);
  if (first === 'run') return requestOf(second, others);
  // What stands first may also be one of Nx's own commands, whose second word is then no project.
  const infix = /^[\w-]+$/.test(first) && /^[\w-]+$/.test(second) && !nxCommands.has(first);
  return infix ? requestOf(`${second}:${first}`, others) : undefined;
}

/** The words that Nx hands on to the target. */
export function targetOptions(rest: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? '';
    const [name = '', value] = word.split('=', 2);
    const plain = name
      .replace(/^--?(no-)?/, '')
      .replaceAll('-', '')
      .toLowerCase();
    const following = rest[i + 1];
    if (word === '--' || (word.startsWith('-') && nxFlags.has(plain))) continue;
    if (!word.startsWith('-') || !nxOptions.has(plain)) kept.push(word);
    else if (value === undefined && following !== undefined && !following.startsWith('-')) i++;
  }
  return kept;
}

function requestOf(id: string, rest: readonly string[]): Request | undefined {
  const [project, target, configuration, ...more] = id.split(':');
  // `nx run distill` in a package's folder, and targets with a colon in their name, are for Nx to understand.
  if (!project || !target || more.length > 0 || id.startsWith('-')) return undefined;
  const named = rest.flatMap((word, i) => {
    const match = /^(?:--configuration|-c)(?:=(.*))?$/.exec(word);
    return match === null ? [] : [match[1] ?? rest[i + 1]];
  });
  return { project, target, configuration: named.at(-1) ?? configuration, rest };
}

/** One sentence on what does not exist, with the nearest valid names; `undefined` when all does. */
export function findProblem({ project, target, configuration }: Request, projects: Projects): string | undefined {
  const targets = projects[project]?.targets ?? {};
  if (!Object.hasOwn(projects, project)) return unknown('project', project, Object.keys(projects));
  const found = Object.hasOwn(targets, target) ? targets[target] : undefined;
  if (found === undefined) return unknown(`target of ${project}`, target, Object.keys(targets));
  // Nx knows the default as the absence of a configuration.
  const configurations = ['default', ...Object.keys(found.configurations ?? {})];
  if (configuration === undefined || configurations.includes(configuration)) return undefined;
  return unknown(`profile of ${project}:${target}`, configuration, configurations);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).flatMap((word) => [word, word.toLowerCase()]));
}

function unknown(kind: string, name: string, valid: readonly string[]): string {
  if (valid.length === 0) return `unknown ${kind} '${name}'; there is none`;
  return `unknown ${kind} '${name}'; did you mean '${closest(name, valid)}'? (valid: ${valid.join(', ')})`;
}

/**
 * Ends Nx's process. That needs the plugin to live in it (NX_ISOLATE_PLUGINS=false and NX_DAEMON=false, set in .env):
 * whatever a plugin throws, Nx exits with 1. Elsewhere, Nx prints what is thrown.
 */
function refuse(sentence: string, status: number): never {
  if (!inNxProcess()) throw new Error(sentence || 'the command line is wrong');
  if (sentence !== '') process.stderr.write(`${sentence}\n`);
  process.exit(status);
}
