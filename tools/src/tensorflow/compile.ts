import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { noRoom } from './errors';
import type { Platform } from './platforms';

const run = promisify(execFile);

export interface Compiler {
  readonly command: string;
  /** What CXX holds beyond the command, as in `ccache g++`. */
  readonly leading: readonly string[];
  /** The command and the first line of its `--version`. */
  readonly identity: string;
}

/** The compiler named by CXX, else the first of the platform's usual ones; undefined when there is none. */
export async function findCompiler(
  os: string = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Compiler | undefined> {
  const usual = os === 'darwin' ? ['clang++', 'g++', 'c++'] : ['g++', 'clang++', 'c++'];
  for (const candidate of environment.CXX ? [environment.CXX] : usual) {
    const [command = '', ...leading] = candidate.trim().split(/\s+/);
    try {
      const { stdout } = await run(command, [...leading, '--version']);
      return { command, leading, identity: `${candidate.trim()}: ${stdout.split('\n')[0]}` };
    } catch {
      // Not installed, or no compiler: the next one.
    }
  }
  return undefined;
}

/** The sentence for a machine without a compiler. */
export function noCompiler(os: string = process.platform, environment: NodeJS.ProcessEnv = process.env): UserError {
  if (environment.CXX) {
    return new UserError(`CXX is set to '${environment.CXX}', which cannot be run: name a C++17 compiler there.`, 1);
  }
  const how = os === 'darwin' ? 'run xcode-select --install' : 'install one (Debian, Ubuntu: apt install g++)';
  return new UserError(`No C++ compiler was found, and TensorFlow's addon is built here: ${how}, or set CXX to it.`, 1);
}

/** Where everything that is compiled lies. */
export interface Sources {
  /** Our own translation units: every `.cc` in it is compiled. */
  readonly native: string;
  /** The tfjs-node package, whose `binding/` our sources include. */
  readonly tfjsNode: string;
  /** `include/` of the npm package node-api-headers. */
  readonly nodeHeaders: string;
}

/** Flags that do not depend on folders. */
export function compileFlags({ os, arch }: Pick<Platform, 'os' | 'arch'>): readonly string[] {
  return [
    '-std=c++17',
    '-O3',
    // On Arm -march=native names the architecture alone.
    arch === 'arm64' ? '-mcpu=native' : '-march=native',
    // Not -ffast-math: NaNs must stay NaNs, and it would change the whole process's handling of denormals.
    '-fno-math-errno',
    '-fno-trapping-math',
    '-fPIC',
    '-shared',
    '-DNAPI_VERSION=8',
    '-DBUILDING_NODE_EXTENSION',
    // Found beside the addon wherever the workspace is moved to.
    ...(os === 'darwin' ? ['-undefined', 'dynamic_lookup', '-Wl,-rpath,@loader_path/lib'] : ['-Wl,-rpath,$ORIGIN/lib']),
  ];
}

/** Builds something with the compiler, for the platform, in a folder that has room for temporary files. */
export interface Build {
  readonly compiler: Compiler;
  readonly platform: Platform;
  readonly sources: Sources;
  /** Where `include/` and `lib/` lie. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

const unitsOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.cc'))
    .sort()
    .map((name) => join(folder, name));

/**
 * Builds TensorFlow's addon against the libraries in the folder and writes it to `output`.
 * @throws UserError (exit code 1) with the compiler's first error
 */
export function compileAddon(build: Build, output: string): Promise<void> {
  const { sources, folder } = build;
  const include = [sources.tfjsNode, join(sources.tfjsNode, 'binding'), join(folder, 'include')];
  const libraries = [`-L${join(folder, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'];
  return compile(build, unitsOf(sources.native), include, libraries, output);
}

/** Builds the addon that keeps TensorFlow's greetings off the terminal. @throws UserError as compileAddon does */
export function compileStderr(build: Build, output: string): Promise<void> {
  return compile(build, unitsOf(join(build.sources.native, 'stderr')), [], [], output);
}

/**
 * Builds the addon that decodes images with the JPEG library inside TensorFlow's, for worker threads.
 * @throws UserError as compileAddon does
 */
export function compileImages(build: Build, output: string): Promise<void> {
  const libraries = [`-L${join(build.folder, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'];
  return compile(build, unitsOf(join(build.sources.native, 'images')), [], libraries, output);
}

/** Builds the addon that scores pairs and sorts scores. @throws UserError as compileAddon does */
export function compileScores(build: Build, output: string): Promise<void> {
  return compile(build, unitsOf(join(build.sources.native, 'scores')), [], [], output);
}

async function compile(
  { compiler, platform, sources, folder, signal }: Build,
  units: readonly string[],
  include: readonly string[],
  libraries: readonly string[],
  output: string,
): Promise<void> {
  const args = [
    ...compiler.leading,
    ...compileFlags(platform),
    ...[sources.nodeHeaders, ...include].map((path) => `-I${path}`),
    ...units,
    '-o',
    output,
    ...libraries,
  ];
  try {
    await run(compiler.command, args, { signal, maxBuffer: 2 ** 26, env: { ...process.env, TMPDIR: folder } });
  } catch (error) {
    if (signal.aborted) throw error;
    const { stderr = '', message } = error as Error & { stderr?: string };
    if (/No space left on device|Disk quota exceeded/.test(stderr)) throw noRoom(folder, 1e7);
    const first = stderr.split('\n').find((line) => /error|undefined reference|cannot find/i.test(line));
    throw new UserError(
      `${compiler.command} could not build TensorFlow's addon: ${first ?? message.split('\n')[0]}`,
      1,
    );
  }
}
