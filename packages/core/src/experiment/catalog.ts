import { basename, dirname, join, relative, resolve } from 'node:path';
import fastGlob from 'fast-glob';
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
  /** Files that could not be read as an experiment, with one sentence each, by experiment name. */
  readonly broken: ReadonlyMap<string, UserError>;
}

/** Where an experiment's file stands: `<root>/packages/<package>/experiments/<name>.ts`. */
export function locate(file: string): { root: string; package: string; name: string; packageFolder: string } {
  const absolute = resolve(file);
  const packageFolder = dirname(dirname(absolute));
  const inPlace = basename(dirname(absolute)) === 'experiments' && basename(dirname(packageFolder)) === 'packages';
  if (!inPlace || !absolute.endsWith('.ts')) {
    throw new UserError(`${file} is no experiment: one is a file packages/<package>/experiments/<name>.ts`);
  }
  return {
    root: dirname(dirname(packageFolder)),
    package: basename(packageFolder),
    name: basename(absolute, '.ts'),
    packageFolder,
  };
}

/**
 * Loads every experiment of a package. A file that throws, or declares something impossible, costs only itself and
 * those that need it: it is listed in `broken`.
 */
export function loadCatalog(packageFolder: string): Catalog {
  const root = dirname(dirname(resolve(packageFolder)));
  const files = fastGlob.sync('experiments/*.ts', {
    cwd: packageFolder,
    ignore: ['**/*.test.ts'],
    absolute: true,
  });
  const loaded = new Map<string, Stage>();
  const broken = new Map<string, UserError>();
  for (const file of files.sort()) {
    const name = basename(file, '.ts');
    try {
      loaded.set(name, load(file));
    } catch (error) {
      broken.set(name, new UserError(`${relative(root, file)} cannot be used: ${firstLine(error)}`, 1));
    }
  }
  const experiments = new Map(loaded);
  for (const [name, experiment] of loaded) {
    try {
      checkDeclaration(name, experiment, loaded);
    } catch (error) {
      experiments.delete(name);
      const file = relative(root, join(packageFolder, 'experiments', `${name}.ts`));
      broken.set(name, new UserError(`${file}: ${firstLine(error)}`, 1));
    }
  }
  return { package: basename(packageFolder), root, experiments, broken };
}

/** The name under which a package knows an experiment. */
export function nameOf(catalog: Catalog, experiment: Stage): string {
  for (const [name, candidate] of catalog.experiments) if (candidate === experiment) return name;
  throw new UserError(
    `the experiment '${experiment.summary}' is not the default export of a file in packages/${catalog.package}/experiments`,
    1,
  );
}

/** An experiment and all that it needs or uses, directly and through others; itself first. */
export function withDependencies(experiment: Stage): readonly Stage[] {
  const found = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (found.has(stage)) return;
    found.add(stage);
    for (const next of [...Object.values(stage.needs), ...Object.values(stage.uses)]) visit(next);
  };
  visit(experiment);
  return [...found];
}

function load(file: string): Stage {
  const before = tensorflowLoaded();
  const module: unknown = require(file);
  // Loading it takes seconds and needs it set up; --help and a mistyped option should do without.
  if (!before && tensorflowLoaded()) {
    throw new UserError("it loads TensorFlow; import what needs it inside 'run': await import('...')");
  }
  const exported = isObject(module) ? module.default : undefined;
  if (isStage(exported)) return exported;
  throw new UserError('its default export is not a defineExperiment({...})');
}

const tensorflowLoaded = (): boolean => Object.keys(require.cache).some((path) => path.includes('/@tensorflow/'));

function isStage(value: unknown): value is Stage {
  return isObject(value) && typeof value.summary === 'string' && typeof value.start === 'function';
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A syntax error's message carries the file and a picture of the place; the first line that says something is kept. */
function firstLine(error: unknown): string {
  const message = error instanceof Error || isObject(error) ? String(Reflect.get(error, 'message')) : String(error);
  return (
    message
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? 'an error without a message'
  );
}
