import { UserError } from '@headshare/core/system/user-error';
import type { Tree } from '@nx/devkit';
import { nameOf, nextSteps, requirePackage, writeNew } from './names';

/** Targets that every package has. */
const reserved = ['lint', 'typecheck', 'test'];

/** `nx g ./tools:experiment warm-up --package=face`: distils under several seeds, to be made another. */
export default function generateExperiment(
  tree: Tree,
  options: { readonly name: string; readonly package: string },
): () => void {
  const { kebab } = nameOf(options.name, 'experiment');
  const { package: packageName } = options;
  requirePackage(tree, packageName);
  if ([...reserved, ...targetsOf(tree, packageName)].includes(kebab)) {
    throw new UserError(`${packageName}:${kebab} is a target already; choose another name`);
  }
  const folder = `packages/${packageName}/experiments`;
  writeNew(tree, { [`${folder}/${kebab}.ts`]: experiment, [`${folder}/${kebab}.test.ts`]: test(packageName, kebab) });
  return nextSteps(
    `Try it: npx nx run ${packageName}:${kebab}:smoke`,
    `Its options: npx nx run ${packageName}:${kebab} --help`,
    `Test it: npx jest -c packages/${packageName}/jest.config.cjs experiments/${kebab}`,
  );
}

function targetsOf(tree: Tree, packageName: string): readonly string[] {
  const text = tree.read(`packages/${packageName}/package.json`, 'utf8');
  const { nx }: { nx?: { targets?: Record<string, unknown> } } = JSON.parse(text ?? '{}');
  return Object.keys(nx?.targets ?? {});
}

const experiment = `import { defineExperiment } from '@headshare/core/experiment/define';
import { integer } from '@headshare/core/experiment/option';
import { trainingOptions } from '@headshare/core/recipes/training-options';
import { summarise } from '@headshare/core/report/statistics';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { experiments } from '../src/experiments';
import { profiles } from '../src/profiles';

export default defineExperiment({
  summary: 'Distil under several seeds, and say mean and spread',
  uses: { distill: experiments.distill },
  options: {
    seed: trainingOptions.seed,
    seeds: integer({ default: 3, min: 1, help: 'how many seeds, counted up from --seed' }),
  },
  profiles,
  run: async ({ options: { seed: first, seeds }, stage }) => {
    const values: Record<string, number[]> = {};
    for (let seed = first; seed < first + seeds; seed++) {
      const { result } = await stage(experiments.distill, { seed });
      for (const [name, value] of Object.entries(result.metrics)) values[name] = [...(values[name] ?? []), value];
    }
    const summaries = Object.entries(values).map(([name, all]) => [name, summarise(all)] as const);
    return {
      metrics: Object.fromEntries(summaries.map(([name, { mean }]) => [name, mean])),
      summary: terminalTable({
        columns: [{ title: 'metric' }, { title: \`mean of \${seeds} seeds\`, digits: 4 }],
        rows: [...summaries],
      }),
    };
  },
});
`;

const test = (
  packageName: string,
  kebab: string,
): string => `import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import type { StageResult } from '@headshare/core/experiment/define';
import { runStage } from '@headshare/core/experiment/run-stage';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import experiment from './${kebab}';

const root = mkdtempSync(join(tmpdir(), 'headshare-${kebab}-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('it distils once a seed, and tells the means', async () => {
  const session = untrackedSession({ ...loadCatalog(join(__dirname, '..')), root });
  const settings = { profile: 'smoke', given: { seed: 5, seeds: 2 } };
  const { run } = await runStage(experiment, settings, session);

  const folder = join(root, 'runs/${packageName}/distill');
  const single = readdirSync(folder).map((key): StageResult => {
    return JSON.parse(readFileSync(join(folder, key, 'result.json'), 'utf8')).result;
  });
  expect(single).toHaveLength(2);
  for (const [name, mean] of Object.entries(run.result.metrics)) {
    const [one = Number.NaN, other = Number.NaN] = single.map(({ metrics }) => metrics[name]);
    expect([name, mean]).toEqual([name, (one + other) / 2]);
  }
}, 300_000);
`;
