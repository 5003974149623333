import type { Environment } from '@headshare/core/experiment/environment';
import type { RunIdentity } from '@headshare/core/experiment/store';

/** Something about two runs that is not the same. */
export interface Difference {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

export interface Circumstances {
  readonly identity: Pick<RunIdentity, 'data' | 'sources' | 'device' | 'files'>;
  readonly environment: Environment | undefined;
}

const names: Readonly<Record<keyof Environment, string>> = {
  commit: 'commit',
  uncommitted: 'uncommitted changes',
  node: 'Node',
  platform: 'platform',
  tensorflow: 'TensorFlow',
  tfjs: 'tfjs-node',
  compiler: 'compiler of the kernels',
  packages: 'package-lock.json',
  cpu: 'CPU',
  threads: 'threads',
  operations: 'operations at a time',
};

/** In what two runs' circumstances differ; what one of them does not tell is "not recorded". */
export function differences(run: Circumstances, again: Circumstances): readonly Difference[] {
  const [old, fresh] = [identified(run), identified(again)];
  const all = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].map((what) => ({
    what,
    before: old[what] ?? 'not recorded',
    after: fresh[what] ?? 'not recorded',
  }));
  return all.filter((one) => one.before !== one.after);
}

function identified({ identity, environment }: Circumstances): Readonly<Record<string, string>> {
  const { data, sources, device, files = {} } = identity;
  const ofEnvironment = Object.entries(names).flatMap(([key, name]) => {
    const value = environment?.[key as keyof Environment];
    return value === undefined ? [] : [[name, key === 'commit' ? value.slice(0, 12) : value] as const];
  });
  return {
    sources,
    data,
    device,
    ...Object.fromEntries(Object.entries(files).map(([path, digest]) => [path, digest])),
    ...Object.fromEntries(ofEnvironment),
  };
}
