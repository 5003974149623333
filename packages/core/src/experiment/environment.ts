import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { git } from '../system/git';
import { sha256 } from '../system/sha256';
import { writeJson } from './store';

/** What a run's bits may depend on besides its identity; text by name, absent where it is not known. */
export interface Environment {
  readonly commit?: string;
  /** `no`, or `yes`: the commit is not all that ran. */
  readonly uncommitted?: string;
  readonly node: string;
  readonly platform: string;
  /** TensorFlow's wheel and version. */
  readonly tensorflow?: string;
  readonly tfjs?: string;
  /** Of the kernels of our own. */
  readonly compiler?: string;
  /** Digest of package-lock.json. */
  readonly packages?: string;
  readonly cpu: string;
  /** Threads that an operation is spread over: sums are then added up in other parts. */
  readonly threads: string;
  /** Operations at a time. */
  readonly operations: string;
}

const environmentFile = 'environment.json';

/** The present one. @param root the workspace's folder */
export async function environmentOf(root: string): Promise<Environment> {
  const device = process.env.TF_DEVICE === 'gpu' ? 'tfjs-node-gpu' : 'tfjs-node';
  const tfjs = join(root, 'node_modules/@tensorflow', device);
  const [commit, changes, version, stamp, packages] = await Promise.all([
    git(root, 'rev-parse', 'HEAD'),
    git(root, 'status', '--porcelain'),
    readJson(join(tfjs, 'package.json')),
    readStamp(join(tfjs, 'lib/napi-v8/tfjs_binding.node')),
    sha256(join(root, 'package-lock.json')).catch(() => undefined),
  ]);
  const wheels = Array.isArray(stamp?.wheels) ? stamp.wheels.map((wheel) => String(wheel).split(' ')[0]) : undefined;
  return {
    ...(commit && { commit }),
    ...(commit && changes !== undefined && { uncommitted: changes === '' ? 'no' : 'yes' }),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    ...(wheels && { tensorflow: wheels.join(', ') }),
    ...(typeof version?.version === 'string' && { tfjs: version.version }),
    ...(typeof stamp?.compiler === 'string' && { compiler: stamp.compiler }),
    ...(packages && { packages: packages.slice(0, 16) }),
    cpu: cpus()[0]?.model ?? 'unknown',
    threads: process.env.HEADSHARE_THREADS || process.env.TF_NUM_INTRAOP_THREADS || `${availableParallelism()}`,
    operations: process.env.TF_NUM_INTEROP_THREADS || '1',
  };
}

/** The environments in which a run was worked on, in turn: more than one, where it was interrupted and went on in another. */
export async function readEnvironments(folder: string): Promise<readonly Environment[]> {
  return environmentsIn(await readJson(join(folder, environmentFile)));
}

/** Those in the content of an environment.json; none where it is not one. */
export function environmentsIn(content: unknown): readonly Environment[] {
  const sittings: unknown = Reflect.get(Object(content), 'environments');
  return Array.isArray(sittings) ? (sittings as Environment[]) : [];
}

/** Keeps the environment with the run, behind the one before where that was another. */
export async function recordEnvironment(folder: string, environment: Environment): Promise<void> {
  const before = await readEnvironments(folder);
  const last = before.at(-1);
  const same = last !== undefined && JSON.stringify(last) === JSON.stringify(environment);
  if (!same) await writeJson(join(folder, environmentFile), { environments: [...before, environment] });
}

/** As MLflow's tags: `headshare.threads`. */
export function environmentTags(environment: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [`headshare.${name}`, String(value)]));
}

/** What tools:tensorflow has left beside the addon. */
async function readStamp(addon: string): Promise<Record<string, unknown> | undefined> {
  try {
    return await readJson(join(dirname(realpathSync(addon)), 'provisioned.json'));
  } catch {
    return undefined;
  }
}

async function readJson(file: string): Promise<Record<string, unknown> | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
