import { basename, dirname, join } from 'node:path';
import type { CreateNodesResult, CreateNodesV2, NxPlugin, ProjectConfiguration } from '@nx/devkit';
import { workspaceDataDirectory } from 'nx/src/utils/cache-directory';
import { checkRequestedTarget, prepareExperiment } from './command-line';
import { describePackages } from './describe';
import { experimentTargets, qualityTargets } from './targets';

/** The plugin's options in nx.json. */
export interface PluginOptions {
  /** Targets that experiments and tests depend on: `tools:tensorflow`. */
  readonly setup?: readonly string[];
}

/**
 * Makes every file `packages/<package>/experiments/<name>.ts` the target `<package>:<name>`, and adds the targets `lint`,
 * `typecheck` and `test` to every project with a jest.config.cjs.
 */
export const createNodesV2: CreateNodesV2<PluginOptions> = [
  '{packages/*/experiments/*.ts,packages/*/jest.config.cjs,tools/jest.config.cjs}',
  (files, options, { workspaceRoot }) => {
    const setup = options?.setup ?? [];
    const experiments = files.filter((file) => basename(dirname(file)) === 'experiments' && !file.endsWith('.test.ts'));
    const packages = [...new Set(experiments.map((file) => dirname(dirname(file))))].sort();
    const described = describePackages(
      workspaceRoot,
      packages,
      join(workspaceDataDirectory, 'headshare-experiments.json'),
    );
    const projects = packages.map((folder): [string, CreateNodesResult] => {
      const description = described[folder] ?? { experiments: {}, broken: {} };
      const targets = experimentTargets(folder, description, setup);
      return [experiments.find((file) => file.startsWith(`${folder}/`)) ?? folder, project(folder, { targets })];
    });
    const tested = files.filter((file) => basename(file) === 'jest.config.cjs');
    const quality = tested.map((file): [string, CreateNodesResult] => {
      const folder = dirname(file);
      const targets = qualityTargets(folder, setup);
      return [file, project(folder, { targets })];
    });
    return [...projects, ...quality];
  },
];

/** Nx 24's name for the same. */
export const createNodes = createNodesV2;

/** Adds no dependency: Nx calls it with all projects, before it looks for the requested target. */
export const createDependencies: NonNullable<NxPlugin['createDependencies']> = (_, { projects, workspaceRoot }) => {
  checkRequestedTarget(projects, workspaceRoot);
  return [];
};

/** Ends the command before the first task if a profile or an option is wrong. */
export const preTasksExecution: NonNullable<NxPlugin['preTasksExecution']> = async (_, { argv, workspaceRoot }) => {
  prepareExperiment(argv, workspaceRoot);
};

function project(folder: string, configuration: Omit<ProjectConfiguration, 'root'>): CreateNodesResult {
  return { projects: { [folder]: { root: folder, ...configuration } } };
}
