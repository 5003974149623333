import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { git } from '../system/git';
import { isRecord } from '../system/is-record';
import { sha256 } from '../system/sha256';
import { writeJson } from './store';

/** The things besides its identity that a run's bits may depend on; fields that are unknown are absent. */
export interface Environment {
  readonly commit?: string;
  /** `yes`: the sources differ from the commit; `no`: they do not. */
  readonly uncommitted?: string;
  readonly node: string;
  readonly platform: string;
  /** TensorFlow's wheel and version. */
  readonly tensorflow?: string;
  readonly tfjs?: string;
  /** The compiler of our own kernels. */
  readonly compiler?: string;
  /** Digest of package-lock.json. */
  readonly packages?: string;
  readonly cpu: string;
  /** Threads per operation: they change the order of sums. */
  readonly threads: string;
  /** Operations at a time. */
  readonly operations: string;
}

const environmentFile = 'environment.json';

/** The present environment. @param root the workspace's folder */
export async function environmentOf(root: string): Promise<Environment> {
  const device = process.env.TF_DEVICE === 'gpu' ? 'tfjs-node-gpu' : 'tfjs-node';
  const tfjs = join(root, 'node_modules/@tensorflow', device);
  const [commit, changes, { version }, { wheels, compiler }, packages] = await Promise.all([
    git(root, 'rev-parse', 'HEAD'),
    git(root, 'status', '--porcelain'),
    readJson(join(tfjs, 'package.json')),
    readStamp(join(tfjs, 'lib/napi-v8/tfjs_binding.node')),
    sha256(join(root, 'package-lock.json')).catch(() => undefined),
  ]);
  return {
    ...(commit && { commit }),
    ...(commit && changes !== undefined && { uncommitted: changes === '' ? 'no' : 'yes' }),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    ...(Array.isArray(wheels) && { tensorflow: wheels.map((wheel) => String(wheel).split(' ')[0]).join(', ') }),
    ...(typeof version === 'string' && { tfjs: version }),
    ...(typeof compiler === 'string' && { compiler }),
    ...(packages && { packages: packages.slice(0, 16) }),
    cpu: cpus()[0]?.model ?? 'unknown',
    threads: process.env.HEADSHARE_THREADS || process.env.TF_NUM_INTRAOP_THREADS || `${availableParallelism()}`,
    operations: process.env.TF_NUM_INTEROP_THREADS || '1',
  };
}

/** The environments that a run was trained in, in order: several if it was interrupted and resumed in another one. */
export async function readEnvironments(folder: string): Promise<readonly Environment[]> {
  return environmentsIn(await readJson(join(folder, environmentFile)));
}

/** The environments in the content of an environment.json; none for other content. */
export function environmentsIn(content: unknown): readonly Environment[] {
  const environments: unknown = Reflect.get(Object(content), 'environments');
  return Array.isArray(environments) ? (environments as Environment[]) : [];
}

/** Adds the environment to those of the run, unless it is the last of them. */
export async function recordEnvironment(folder: string, environment: Environment): Promise<void> {
  const before = await readEnvironments(folder);
  if (JSON.stringify(before.at(-1)) === JSON.stringify(environment)) return;
  writeJson(join(folder, environmentFile), { environments: [...before, environment] });
}

/** The environment as tags for MLflow: `headshare.threads`. */
export function environmentTags(environment: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [`headshare.${name}`, String(value)]));
}

/** The file that `tools:tensorflow` writes beside the addon. */
async function readStamp(addon: string): Promise<Record<string, unknown>> {
  try {
    return await readJson(join(dirname(realpathSync(addon)), 'provisioned.json'));
  } catch {
    return {};
  }
}

/** The object in a JSON file; an empty one if there is none. */
async function readJson(file: string): Promise<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isRecord(content) ? content : {};
  } catch {
    return {};
  }
}
