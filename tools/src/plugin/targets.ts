import type { PackageDescription } from '@headshare/core/experiment/describe';
import type { TargetConfiguration } from '@nx/devkit';

const runner = 'packages/core/src/experiment/main.ts';
const fingerprint = 'packages/core/src/experiment/data-fingerprint.cjs';

/** Environment variables that change a target's result: the place of the data, the device, the number of threads. */
const environment = ['TF_DEVICE', 'HEADSHARE_DATA', 'HEADSHARE_THREADS'].map((env) => ({ env }));

/** Nx targets (`tools:tensorflow`) as dependencies of another project's target. */
export const setupDependencies = (setup: readonly string[]): { projects: string[]; target: string }[] =>
  setup.map((id) => {
    const [project = '', target = ''] = id.split(':');
    return { projects: [project], target };
  });

/** The targets of a package's experiments. Running that of a broken file prints the reason. */
export function experimentTargets(
  folder: string,
  { experiments, broken }: PackageDescription,
  setup: readonly string[],
): Record<string, TargetConfiguration> {
  const packageName = folder.slice(folder.lastIndexOf('/') + 1);
  const targets = Object.entries(experiments).map(([name, { summary, needs, profiles }]) => {
    const command = commandOf(folder, name);
    const configurations = profiles
      .slice(1)
      .map((profile) => [profile, { command: `${command} --profile=${profile}` }]);
    const target: TargetConfiguration = {
      executor: 'nx:run-commands',
      options: { command, cwd: '{workspaceRoot}' },
      configurations: Object.fromEntries(configurations),
      // Two trainings at a time on one machine take longer than one after the other.
      parallelism: false,
      cache: true,
      inputs: [
        'production',
        '^production',
        ...environment,
        { env: 'HEADSHARE_NAMED_FILES' },
        { runtime: `node ${fingerprint} ${packageName}` },
      ],
      outputs: [`{workspaceRoot}/artifacts/${packageName}/${name}`],
      dependsOn: [...needs.map((target) => ({ target, params: 'forward' as const })), ...setupDependencies(setup)],
      metadata: {
        description: summary,
        technologies: ['typescript', 'tensorflow'],
        help: { command: `${command} --help`, example: { options: { seed: 3 } } },
      },
    };
    return [name, target] as const;
  });
  const failing = Object.entries(broken).map(([name, sentence]) => {
    const target: TargetConfiguration = {
      executor: 'nx:run-commands',
      options: { command: commandOf(folder, name), cwd: '{workspaceRoot}' },
      metadata: { description: sentence },
    };
    return [name, target] as const;
  });
  return Object.fromEntries([...targets, ...failing]);
}

/** `lint`, `typecheck` and `test` of a project. */
export function qualityTargets(folder: string, setup: readonly string[]): Record<string, TargetConfiguration> {
  const cached = { executor: 'nx:run-commands', cache: true };
  const rootFile = (name: string): string => `{workspaceRoot}/${name}`;
  return {
    lint: {
      ...cached,
      options: { command: `biome check ${folder}`, cwd: '{workspaceRoot}' },
      inputs: ['default', rootFile('biome.json')],
      metadata: {
        description: 'Checks style, format and import circles (npx biome check --write corrects most findings)',
        technologies: ['biome'],
      },
    },
    typecheck: {
      ...cached,
      options: { command: `tsc -p ${folder}`, cwd: '{workspaceRoot}' },
      inputs: ['default', '^default'],
      metadata: { description: 'Checks types', technologies: ['typescript'] },
    },
    test: {
      ...cached,
      options: {
        command: `jest -c ${folder}/jest.config.cjs --maxWorkers=2 --passWithNoTests`,
        cwd: '{workspaceRoot}',
      },
      inputs: ['default', '^default', rootFile('jest.preset.cjs'), ...environment],
      // A test file that loads TensorFlow takes 600 MB and both cores.
      parallelism: false,
      dependsOn: setupDependencies(setup),
      metadata: { description: 'Runs the tests', technologies: ['jest'] },
    },
  };
}

const commandOf = (folder: string, name: string): string =>
  `node -r ./packages/core/register.cjs ${runner} ${folder}/experiments/${name}.ts`;
