import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { causeOf } from '../python';
import { noRoom } from './errors';
import type { Platform } from './platforms';

const run = promisify(execFile);

export interface Compiler {
  readonly command: string;
  /** The words before the arguments: `g++` if CXX is `ccache g++`. */
  readonly leading: readonly string[];
  /** The command and the first line of its `--version`. */
  readonly identity: string;
}

/** The compiler that CXX names, else the first of the platform's usual compilers; undefined if there is none. */
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
      // Not installed, or not a compiler: try the next one.
    }
  }
  return undefined;
}

/** The error for a machine without a compiler. */
export function noCompiler(os: string = process.platform, environment: NodeJS.ProcessEnv = process.env): UserError {
  if (environment.CXX) {
    return new UserError(`CXX is set to '${environment.CXX}', which cannot be run: name a C++17 compiler there.`, 1);
  }
  const how = os === 'darwin' ? 'run xcode-select --install' : 'install one (Debian, Ubuntu: apt install g++)';
  return new UserError(`No C++ compiler was found, and TensorFlow's addon is built here: ${how}, or set CXX to it.`, 1);
}

/** The folders of the sources. */
export interface Sources {
  /** `packages/core/native`. */
  readonly native: string;
  /** The tfjs-node package; our sources include files of its `binding/`. */
  readonly tfjsNode: string;
  /** `include/` of the npm package node-api-headers. */
  readonly nodeHeaders: string;
}

/** Flags that do not depend on folders. */
export function compileFlags({ os, arch }: Pick<Platform, 'os' | 'arch'>): readonly string[] {
  return [
    '-std=c++17',
    '-O3',
    // On Arm, -march=native would choose the architecture without the processor's own features.
    arch === 'arm64' ? '-mcpu=native' : '-march=native',
    // Not -ffast-math: NaNs must stay NaNs, and it would change the whole process's handling of denormals.
    '-fno-math-errno',
    '-fno-trapping-math',
    '-fPIC',
    '-shared',
    '-DNAPI_VERSION=8',
    '-DBUILDING_NODE_EXTENSION',
    // The addon finds its libraries beside itself, wherever the workspace is moved.
    ...(os === 'darwin' ? ['-undefined', 'dynamic_lookup', '-Wl,-rpath,@loader_path/lib'] : ['-Wl,-rpath,$ORIGIN/lib']),
  ];
}

/** The compiler and its surroundings. */
export interface Build {
  readonly compiler: Compiler;
  readonly platform: Platform;
  readonly sources: Sources;
  /** The folder of `include/` and `lib/`, with room for temporary files. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The addons, by file name: the folder of their sources below `packages/core/native`, and the libraries they link. */
export const addons = {
  /** TensorFlow for tfjs-node. */
  'tfjs_binding.node': { folder: '.', links: true },
  /** Decodes images in worker threads, with the JPEG library inside TensorFlow's. */
  'images.node': { folder: 'images', links: true },
  /** Scores pairs and sorts scores. */
  'scores.node': { folder: 'scores', links: false },
  /** Keeps strangers from TensorFlow's server; no addon, but a library to preload. */
  'listen.so': { folder: 'listen', links: false },
  /** Keeps TensorFlow's greetings off the terminal. */
  'stderr.node': { folder: 'stderr', links: false },
} as const;

/** Object files, by the paths of their sources. */
export type Objects = ReadonlyMap<string, string>;

/**
 * Compiles the units that read no header of TensorFlow's, which may be on its way meanwhile: they take half of a build's time.
 * @param build its folder gets the object files
 * @throws UserError (exit code 1) with the compiler's first error
 */
export async function compileAhead(build: Build): Promise<Objects> {
  const own = Object.values(addons).flatMap((addon) => unitsOf(build, addon).filter((unit) => !readsMore(unit)));
  return await compileUnits(build, own, [build.sources.nodeHeaders], build.folder);
}

/**
 * Builds an addon from all `.cc` files of its folder, and writes it to `output`.
 * @param ahead units that are compiled already
 * @throws UserError (exit code 1) with the compiler's first error
 */
export async function compileAddon(
  build: Build,
  name: keyof typeof addons,
  output: string,
  ahead: Objects = new Map(),
): Promise<void> {
  const { compiler, platform, sources, folder } = build;
  const addon = addons[name];
  const units = unitsOf(build, addon);
  const binding = [sources.tfjsNode, join(sources.tfjsNode, 'binding'), join(folder, 'include')];
  const include = [sources.nodeHeaders, ...(name === 'tfjs_binding.node' ? binding : [])];
  const libraries = addon.links ? [`-L${join(folder, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'] : [];
  const place = mkdtempSync(join(folder, 'objects-'));
  try {
    const open = units.filter((unit) => !ahead.has(unit));
    const objects = new Map([...ahead, ...(await compileUnits(build, open, include, place))]);
    const linked = units.map((unit) => objects.get(unit) as string);
    await compile(build, [...compiler.leading, ...compileFlags(platform), ...linked, '-o', output, ...libraries]);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** The paths of an addon's sources. */
function unitsOf({ sources }: Build, { folder }: { readonly folder: string }): readonly string[] {
  const native = join(sources.native, folder);
  const files = existsSync(native) ? readdirSync(native) : [];
  return files
    .filter((file) => file.endsWith('.cc'))
    .sort()
    .map((file) => join(native, file));
}

/** Whether a source reads a header, beside those of the system and Node, that does not lie beside it. */
function readsMore(file: string): boolean {
  return [...readFileSync(file, 'utf8').matchAll(/^#include "(.+)"/gm)].some(([, name = '']) => {
    const own = join(dirname(file), name);
    return !existsSync(own) || readsMore(own);
  });
}

/** Compiles units, as many at a time as there are processors. @param place the folder for the object files */
async function compileUnits(
  build: Build,
  units: readonly string[],
  include: readonly string[],
  place: string,
): Promise<Objects> {
  const { compiler, platform, sources } = build;
  const flags = [...compiler.leading, ...compileFlags(platform).filter((flag) => !isForLinker(flag))];
  const objects = new Map(
    units.map((unit) => [unit, join(place, `${relative(sources.native, unit).replaceAll(sep, '-')}.o`)]),
  );
  const waiting = [...objects];
  const compileWaiting = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [unit, object] = next;
      const from = ['-c', unit, ...include.map((path) => `-I${path}`)];
      await compile(build, [...flags, ...from, '-o', object]).catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: availableParallelism() }, compileWaiting));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return objects;
}

const isForLinker = (flag: string): boolean => /^-(shared|undefined|Wl,)|^dynamic_lookup$/.test(flag);

async function compile({ compiler, folder, signal }: Build, args: readonly string[]): Promise<void> {
  try {
    await run(compiler.command, args, { signal, maxBuffer: 2 ** 26, env: { ...process.env, TMPDIR: folder } });
  } catch (error) {
    if (signal.aborted) throw error;
    const { stderr = '', message } = error as Error & { stderr?: string };
    if (causeOf(stderr) === 'disk full') throw noRoom(folder, 1e7);
    const first = stderr.split('\n').find((line) => /error|undefined reference|cannot find/i.test(line));
    const reason = first ?? message.split('\n')[0];
    throw new UserError(`${compiler.command} could not build TensorFlow's addon: ${reason}`, 1);
  }
}
