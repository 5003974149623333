import { basename, dirname, join, relative, resolve } from 'node:path';
import fastGlob from 'fast-glob';
import { isRecord } from '../system/is-record';
import { UserError } from '../system/user-error';
import { checkDeclaration } from './declaration';
import type { Stage } from './define';

/** The experiments of one package, by name (the file's name without `.ts`). */
export interface Catalog {
  /** The package's folder name, also its Nx project: `face`. */
  readonly package: string;
  /** The workspace's folder, absolute. */
  readonly root: string;
  readonly experiments: ReadonlyMap<string, Stage>;
  /** The errors of files that cannot be used, by experiment name. */
  readonly broken: ReadonlyMap<string, UserError>;
}

/** Splits the path of an experiment's file: `<root>/packages/<package>/experiments/<name>.ts`. */
export function locate(file: string): { root: string; package: string; name: string; packageFolder: string } {
  const absolute = resolve(file);
  const packageFolder = dirname(dirname(absolute));
  const inPlace = basename(dirname(absolute)) === 'experiments' && basename(dirname(packageFolder)) === 'packages';
  if (!inPlace || !absolute.endsWith('.ts')) {
    throw new UserError(`${file} is not an experiment: those are files packages/<package>/experiments/<name>.ts`);
  }
  return {
    root: dirname(dirname(packageFolder)),
    package: basename(packageFolder),
    name: basename(absolute, '.ts'),
    packageFolder,
  };
}

/**
 * Loads every experiment of a package. A file that throws, or whose declaration is invalid, goes to `broken`; only the
 * experiments that need it are affected.
 */
export function loadCatalog(packageFolder: string): Catalog {
  const root = dirname(dirname(resolve(packageFolder)));
  const files = fastGlob.sync('experiments/*.ts', { cwd: packageFolder, ignore: ['**/*.test.ts'], absolute: true });
  const loaded = new Map<string, Stage>();
  const broken = new Map<string, UserError>();
  const refuse = (name: string, verb: string, error: unknown): void => {
    const file = relative(root, join(packageFolder, 'experiments', `${name}.ts`));
    broken.set(name, new UserError(`${file}${verb}: ${firstLine(error)}`, 1));
  };
  for (const file of files.sort()) {
    const name = basename(file, '.ts');
    try {
      loaded.set(name, load(file));
    } catch (error) {
      refuse(name, ' cannot be used', error);
    }
  }
  const experiments = new Map(loaded);
  for (const [name, experiment] of loaded) {
    try {
      checkDeclaration(name, experiment, loaded);
    } catch (error) {
      experiments.delete(name);
      refuse(name, '', error);
    }
  }
  return { package: basename(packageFolder), root, experiments, broken };
}

/** The name of an experiment in its package. */
export function nameOf(catalog: Catalog, experiment: Stage): string {
  for (const [name, candidate] of catalog.experiments) if (candidate === experiment) return name;
  throw new UserError(
    `the experiment '${experiment.summary}' is not the default export of a file in packages/${catalog.package}/experiments`,
    1,
  );
}

/** An experiment and all that it needs or uses, directly and indirectly; itself first. */
export const withDependencies = (experiment: Stage): readonly Stage[] =>
  reached(experiment, ({ needs, uses }) => [...Object.values(needs), ...Object.values(uses)]);

/** An experiment and all that it needs, directly and indirectly; itself first. */
export const withNeeds = (experiment: Stage): readonly Stage[] =>
  reached(experiment, ({ needs }) => Object.values(needs));

function reached(experiment: Stage, next: (stage: Stage) => readonly Stage[]): readonly Stage[] {
  const found = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (found.has(stage)) return;
    found.add(stage);
    next(stage).forEach(visit);
  };
  visit(experiment);
  return [...found];
}

function load(file: string): Stage {
  const before = tensorflowLoaded();
  const module: unknown = require(file);
  // TensorFlow takes seconds to load and may not be set up; --help and mistyped options must work without it.
  if (!before && tensorflowLoaded()) {
    throw new UserError("it loads TensorFlow; import what needs it inside 'run': await import('...')");
  }
  const exported = isRecord(module) ? module.default : undefined;
  if (isStage(exported)) return exported;
  throw new UserError('its default export is not a defineExperiment({...})');
}

const tensorflowLoaded = (): boolean => Object.keys(require.cache).some((path) => path.includes('/@tensorflow/'));

const isStage = (value: unknown): value is Stage =>
  isRecord(value) && typeof value.summary === 'string' && typeof value.start === 'function';

/** The first line of an error's message, with the place of a syntax error, which SWC gives above an excerpt of the file. */
function firstLine(error: unknown): string {
  const message = String(isRecord(error) ? error.message : error);
  const line = message.split('\n').find((one) => one.trim() !== '') ?? 'an error without a message';
  const [, file, row] = /-\[(.+):(\d+):\d+\]/.exec(message) ?? [];
  const sentence = line.trim().replace(/^[x×] /, '');
  return file === undefined ? sentence : `${sentence} (${relative(process.cwd(), file)}:${row})`;
}
