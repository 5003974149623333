import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { ProjectConfiguration } from '@nx/devkit';
import { closest } from 'fastest-levenshtein';

/** What `nx run project:target:configuration` asks for, and the words after it. */
interface Request {
  readonly project: string;
  readonly target: string;
  readonly configuration: string | undefined;
  readonly rest: readonly string[];
}

/** Nx's own options of `nx run`; the others are the target's. */
const nxOptions =
  /^--(no-)?(batch|c|configuration|exclude|parallel|maxParallel|max-parallel|runner|prod|graph|verbose|nxBail|nx-bail|nxIgnoreCycles|nx-ignore-cycles|skipNxCache|skip-nx-cache|disableNxCache|disable-nx-cache|outputStyle|output-style|excludeTaskDependencies|exclude-task-dependencies|skipSync|skip-sync|skipRemoteCache|skip-remote-cache|dte|tui|tuiAutoExit|tui-auto-exit|help|version)(=|$)/;

let requested: { readonly request: Request; readonly configuration: ProjectConfiguration } | undefined;

/**
 * Ends the command with exit code 2 and one sentence when `nx run` names a project, target or configuration that does
 * not exist. Nx itself would exit with 1 for the first two, and quietly run the default for the third.
 */
export function checkRequestedTarget(
  argv: readonly string[],
  projects: Readonly<Record<string, ProjectConfiguration>>,
): void {
  const request = parseRequest(argv);
  if (request === undefined) return;
  const problem = findProblem(request, projects);
  if (problem !== undefined) refuse(problem);
  const configuration = projects[request.project];
  if (configuration !== undefined) requested = { request, configuration };
}

/** Ends the command with exit code 2 when an experiment's options are wrong; the experiment's command line says how. */
export function checkCommandLine(_argv: readonly string[], workspaceRoot: string): void {
  if (requested === undefined) return;
  const { request, configuration } = requested;
  const file = `${configuration.root}/experiments/${request.target}.ts`;
  const options = request.rest.filter((word) => !nxOptions.test(word));
  if (options.length === 0 || !existsSync(`${workspaceRoot}/${file}`)) return;
  const words = ['-r', '@swc-node/register', 'packages/core/src/experiment/main.ts', file, '--check', ...options];
  const checked = spawnSync(process.execPath, words, { cwd: workspaceRoot, stdio: 'inherit' });
  if (checked.status !== 0 && checked.status !== null) process.exit(checked.status);
}

/** `nx run face:distill:smoke --seed=3` and its short form `nx face:distill:smoke --seed=3`. */
export function parseRequest(argv: readonly string[]): Request | undefined {
  const words = argv.slice(2);
  const at = words[0] === 'run' ? 1 : 0;
  const [id, ...rest] = words.slice(at);
  const [project, target, configuration, ...more] = id?.split(':') ?? [];
  if (project === undefined || project === '' || target === undefined || more.length > 0 || id?.startsWith('-')) {
    return undefined;
  }
  const named = rest
    .map((word, i) => /^(?:--configuration|-c)(?:=(.*))?$/.exec(word)?.map((part) => part ?? rest[i + 1])[1])
    .find((word) => word !== undefined);
  return { project, target, configuration: named ?? configuration, rest };
}

/** One sentence on what does not exist, with the nearest valid names; `undefined` when all does. */
export function findProblem(
  { project, target, configuration }: Request,
  projects: Readonly<Record<string, ProjectConfiguration>>,
): string | undefined {
  const targets = projects[project]?.targets;
  if (targets === undefined) return unknown('project', project, Object.keys(projects));
  const found = targets[target];
  if (found === undefined) return unknown(`target of ${project}`, target, Object.keys(targets));
  // Nx knows the default as the absence of a configuration.
  const configurations = ['default', ...Object.keys(found.configurations ?? {})];
  if (configuration === undefined || configurations.includes(configuration)) return undefined;
  return unknown(`profile of ${project}:${target}`, configuration, configurations);
}

function unknown(kind: string, name: string, valid: readonly string[]): string {
  if (valid.length === 0) return `unknown ${kind} '${name}'; there is none`;
  return `unknown ${kind} '${name}'; did you mean '${closest(name, valid)}'? (valid: ${valid.join(', ')})`;
}

/**
 * Ends Nx's process. That needs the plugin to live in it (NX_ISOLATE_PLUGINS=false and NX_DAEMON=false, set in .env):
 * whatever a plugin throws, Nx exits with 1. Elsewhere, Nx prints what is thrown.
 */
function refuse(sentence: string): never {
  if (process.env.NX_ISOLATE_PLUGINS !== 'false') throw new Error(sentence);
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}
