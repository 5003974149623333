import { relative } from 'node:path';
import { loadCatalog, nameOf } from './catalog';
import { profileNames } from './settings';

/** The experiments of a package, for the Nx plugin. */
export interface PackageDescription {
  readonly experiments: Readonly<Record<string, ExperimentDescription>>;
  /** The errors of files that cannot be used, by experiment name. */
  readonly broken: Readonly<Record<string, string>>;
}

interface ExperimentDescription {
  readonly summary: string;
  /** Names of the experiments that run first. */
  readonly needs: readonly string[];
  /** `default` first. */
  readonly profiles: readonly string[];
}

function describePackage(folder: string): PackageDescription {
  const catalog = loadCatalog(folder);
  const experiments = [...catalog.experiments].map(([name, experiment]): [string, ExperimentDescription] => {
    const needs = Object.values(experiment.needs).map((needed) => nameOf(catalog, needed));
    return [name, { summary: experiment.summary, needs, profiles: profileNames(experiment) }];
  });
  const broken = [...catalog.broken].map(([name, { message }]) => [name, message]);
  return { experiments: Object.fromEntries(experiments), broken: Object.fromEntries(broken) };
}

// The plugin runs `describe.ts packages/face packages/cub200` in another process: a file that throws, or a module that
// has changed, must not disturb Nx's own. It prints one JSON object, by package folder.
if (require.main === module) {
  const described = process.argv.slice(2).map((folder) => [relative(process.cwd(), folder), describePackage(folder)]);
  process.stdout.write(JSON.stringify(Object.fromEntries(described)));
}
