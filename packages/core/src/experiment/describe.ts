import { relative } from 'node:path';
import { type Catalog, loadCatalog, nameOf } from './catalog';
import { profileNames } from './settings';

/** What the Nx plugin needs to know of a package's experiments. */
export interface PackageDescription {
  readonly experiments: Readonly<Record<string, ExperimentDescription>>;
  /** One sentence for each file that cannot be read as an experiment, by experiment name. */
  readonly broken: Readonly<Record<string, string>>;
}

export interface ExperimentDescription {
  readonly summary: string;
  /** Names of the experiments that run first. */
  readonly needs: readonly string[];
  /** `default` first. */
  readonly profiles: readonly string[];
}

/** Describes the experiments of a package. */
function describePackage(catalog: Catalog): PackageDescription {
  const experiments = [...catalog.experiments].map(([name, experiment]): [string, ExperimentDescription] => [
    name,
    {
      summary: experiment.summary,
      needs: Object.values(experiment.needs).map((needed) => nameOf(catalog, needed)),
      profiles: profileNames(experiment),
    },
  ]);
  const broken = [...catalog.broken].map(([name, error]): [string, string] => [name, error.message]);
  return { experiments: Object.fromEntries(experiments), broken: Object.fromEntries(broken) };
}

// The plugin runs this as a program, `describe.ts packages/face packages/cub200`: a file that throws, or a module that
// was changed since, can then not disturb Nx's own process. It prints one JSON object, by package folder.
if (require.main === module) {
  const folders = process.argv.slice(2);
  const described = folders.map((folder) => [relative(process.cwd(), folder), describePackage(loadCatalog(folder))]);
  process.stdout.write(JSON.stringify(Object.fromEntries(described)));
}
