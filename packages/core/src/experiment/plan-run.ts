import { join } from 'node:path';
import { writeArguments } from './arguments';
import { type Catalog, nameOf, withDependencies } from './catalog';
import { folderFingerprint } from './data-fingerprint.cjs';
import type { Settings, Stage } from './define';
import type { openTracker } from './open-tracker';
import { resolveOptions } from './settings';
import { copyRun, digestFile, type FinishedRun, type RunIdentity, readFinished, runKey } from './store';

/** What all stages of one command share. */
export interface Session {
  readonly catalog: Catalog;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** The data's fingerprint. */
  readonly data: string;
  /** The digest of the sources that results come from. */
  readonly sources: string;
  /** The digest of those that only report them. */
  readonly reporting?: string;
  /** Digests of what options name, by path, as far as they were taken: stages share files and folders. */
  readonly digests: Map<string, string>;
  /** Why runs of this command are not in MLflow yet: the command prints it once, when it ends. */
  readonly unsent: Set<string>;
  /** Opens the tracker of one stage. */
  readonly track: typeof openTracker;
  /** Where runs go instead of the workspace's `runs/`; what was done before, there or in `artifacts/`, is then no matter. */
  readonly runs?: string;
  /** Tags of all runs of this command. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** A stage under certain settings: what tells its run apart, and where that run is, or will be. */
export interface RunPlan {
  readonly name: string;
  /** What tells runs apart in a list of them. */
  readonly label: string;
  readonly identity: RunIdentity;
  readonly key: string;
  /** Absolute: `runs/<package>/<experiment>/<key>`. */
  readonly folder: string;
}

/** Throws UserError for settings that the experiment cannot run under. */
export async function planRun(experiment: Stage, settings: Settings, session: Session): Promise<RunPlan> {
  const { catalog, data, sources, reporting } = session;
  const name = nameOf(catalog, experiment);
  const options = Object.fromEntries(
    withDependencies(experiment).map((it) => [nameOf(catalog, it), material(it, resolveOptions(it, settings))]),
  );
  const files = await filesOf(withDependencies(experiment), options, session);
  const device = process.env.TF_DEVICE || 'cpu';
  const reports = experiment.reports && reporting !== undefined && { reporting };
  const identity = { experiment: name, options, data, sources, device, ...reports, ...(files && { files }) };
  const key = runKey(identity);
  const folder = join(session.runs ?? join(catalog.root, 'runs'), catalog.package, name, key);
  return { name, label: runLabel(experiment, name, options[name] ?? {}, settings), identity, key, folder };
}

/** The run of a plan, if it has finished: in its folder, or in `artifacts/`, from where it is then brought there. */
export async function findFinished(
  { name, key, folder }: RunPlan,
  { catalog, runs }: Session,
): Promise<FinishedRun | undefined> {
  const here = await readFinished(folder);
  if (here !== undefined || runs !== undefined) return here;
  const artifacts = artifactsFolder(catalog, name);
  const published = await readFinished(artifacts);
  if (published?.key !== key) return undefined;
  await copyRun(artifacts, folder);
  return published;
}

/** The words behind `main.ts` that run the stage in a process of its own. */
export function commandOf(experiment: Stage, { profile, given }: Settings, catalog: Catalog): readonly string[] {
  const file = join(catalog.root, 'packages', catalog.package, 'experiments', `${nameOf(catalog, experiment)}.ts`);
  return [file, `--profile=${profile}`, ...writeArguments(given, experiment)];
}

export const artifactsFolder = (catalog: Catalog, name: string): string =>
  join(catalog.root, 'artifacts', catalog.package, name);

/** Without the options that change nothing about the result. */
const material = ({ options }: Stage, values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !options[name]?.notInKey));

/** The digests of files, and fingerprints of folders, that options name, by path; undefined where they name none. */
async function filesOf(
  stages: readonly Stage[],
  options: RunIdentity['options'],
  { catalog, digests }: Session,
): Promise<Readonly<Record<string, string>> | undefined> {
  const named: Record<string, string> = {};
  for (const stage of stages) {
    for (const [option, { names }] of Object.entries(stage.options)) {
      const value = options[nameOf(catalog, stage)]?.[option];
      if (names === undefined) continue;
      for (const path of Array.isArray(value) ? value : [value]) {
        if (typeof path !== 'string') continue;
        const known = digests.get(path);
        const digest = known ?? (names === 'file' ? await digestFile(path) : (folderFingerprint(path) ?? 'gone'));
        digests.set(path, digest);
        named[path] = digest;
      }
    }
  }
  return Object.keys(named).length === 0 ? undefined : named;
}

/**
 * The experiment, its method and seed, by which runs are told apart most often, the profile, and what else was given.
 * @param values all options of the experiment
 */
function runLabel(
  { options, reports }: Stage,
  name: string,
  values: Readonly<Record<string, unknown>>,
  { profile, given }: Settings,
): string {
  // Lists show the beginning of a name.
  const { method, seed } = reports ? {} : values;
  const first = [...(typeof method === 'string' ? [method] : []), ...(seed === undefined ? [] : [`seed ${seed}`])];
  const others = Object.entries(given)
    .filter(([option]) => Object.hasOwn(options, option) && (reports || (option !== 'method' && option !== 'seed')))
    .map(([option, value]) => `${option}=${String(value)}`);
  return [name, ...first, ...(profile === 'default' ? [] : [profile]), ...others].join(' ').slice(0, 200);
}
