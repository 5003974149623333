import { join } from 'node:path';
import type { Member } from '../cluster/member';
import { writeArguments } from './arguments';
import { type Catalog, nameOf } from './catalog';
import { folderFingerprint } from './data-fingerprint.cjs';
import type { FinishedRun, Overrides, Settings, Stage } from './define';
import type { openTracker } from './open-tracker';
import { resolveEach } from './settings';
import { copyRun, digestFile, type RunIdentity, readFinished, runKey } from './store';
import { withVerification } from './verify-data';

/** The surroundings that all stages of one command share. */
export interface Session {
  readonly catalog: Catalog;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** The fingerprint of the package's data. */
  readonly data: string;
  /** See `RunIdentity`. */
  readonly sources: string;
  /** See `RunIdentity`. */
  readonly reporting?: string;
  /** A cache of the digests of files and folders that options name, by path. */
  readonly digests: Map<string, string>;
  /** Why runs of this command are not in MLflow yet: the command prints it once, when it ends. */
  readonly unsent: Set<string>;
  /** Opens the tracker of one stage. */
  readonly track: typeof openTracker;
  /** A folder to use instead of the workspace's `runs/`, ignoring finished runs there and in `artifacts/`. */
  readonly runs?: string;
  /** This process's place among the workers that share the command's trainings; absent: it is alone. */
  readonly member?: Member | undefined;
  /** Tags of all runs of this command. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** The run of a stage under certain settings, finished or not. */
export interface RunPlan {
  readonly name: string;
  /** Its name in a list of runs. */
  readonly label: string;
  readonly identity: RunIdentity;
  readonly key: string;
  /** Absolute: `runs/<package>/<experiment>/<key>`. */
  readonly folder: string;
}

/** Throws UserError for invalid settings. */
export async function planRun(experiment: Stage, settings: Settings, session: Session): Promise<RunPlan> {
  const { catalog, data, sources, reporting } = session;
  const name = nameOf(catalog, experiment);
  const values = resolveEach(experiment, settings);
  const options = Object.fromEntries(
    [...values].map(([stage, own]) => [nameOf(catalog, stage), keyOptions(stage, own)]),
  );
  const verified = [...values.values()].find(({ verifyData }) => verifyData === true);
  const files = await namedFiles([...values.keys()], options, session, verified ?? {});
  const device = process.env.TF_DEVICE || 'cpu';
  const identity: RunIdentity = {
    experiment: name,
    options,
    data,
    sources,
    device,
    ...(experiment.reports && reporting !== undefined && { reporting }),
    ...(Object.keys(files).length > 0 && { files }),
  };
  const key = runKey(identity);
  const folder = join(session.runs ?? join(catalog.root, 'runs'), catalog.package, name, key);
  return { name, label: runLabel(experiment, name, options[name] ?? {}, settings), identity, key, folder };
}

/** The run of a plan, if it has finished; restores it from `artifacts/` first. */
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

/** The arguments of `main.ts` that run the stage in another process. */
export function commandOf(experiment: Stage, { profile, given }: Settings, catalog: Catalog): readonly string[] {
  const file = join(catalog.root, 'packages', catalog.package, 'experiments', `${nameOf(catalog, experiment)}.ts`);
  return [file, `--profile=${profile}`, ...writeArguments(given, experiment)];
}

export const artifactsFolder = (catalog: Catalog, name: string): string =>
  join(catalog.root, 'artifacts', catalog.package, name);

/** The option values on which a result depends. */
export const keyOptions = ({ options }: Pick<Stage, 'options'>, values: Overrides): Overrides =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const { notInKey, default: fallback } = options[name] ?? {};
      if (notInKey === true) return [];
      return [[name, notInKey === 'default' ? fallback : value]];
    }),
  );

/** The digests of files, and fingerprints of folders, that options name, by path. */
async function namedFiles(
  stages: readonly Stage[],
  options: RunIdentity['options'],
  { catalog, digests }: Session,
  values: Overrides,
): Promise<Readonly<Record<string, string>>> {
  const named: Record<string, string> = {};
  for (const stage of stages) {
    for (const [option, { names }] of Object.entries(stage.options)) {
      if (names === undefined) continue;
      for (const path of [options[nameOf(catalog, stage)]?.[option]].flat()) {
        if (typeof path !== 'string') continue;
        const known = digests.get(path);
        const ofFolder = () => withVerification(values, (how) => folderFingerprint(path, how));
        const digest = known ?? (names === 'file' ? await digestFile(path) : ((await ofFolder()) ?? 'gone'));
        digests.set(path, digest);
        named[path] = digest;
      }
    }
  }
  return named;
}

/**
 * The experiment, its method and seed, the profile, and the other given options: lists of runs show the beginning.
 * @param values all options of the experiment
 */
function runLabel({ options, reports }: Stage, name: string, values: Overrides, { profile, given }: Settings): string {
  const { method, seed } = reports ? {} : values;
  const first = [...(typeof method === 'string' ? [method] : []), ...(seed === undefined ? [] : [`seed ${seed}`])];
  const others = Object.entries(given)
    .filter(([option]) => Object.hasOwn(options, option) && !options[option]?.notInKey)
    .filter(([option]) => reports || (option !== 'method' && option !== 'seed'))
    .map(([option, value]) => `${option}=${String(value)}`);
  return [name, ...first, ...(profile === 'default' ? [] : [profile]), ...others].join(' ').slice(0, 200);
}
