import { join } from 'node:path';
import { experimentsOf, type Places } from '@headshare/core/experiment/recorded/find-run';
import { type RecordedRun, readRun } from '@headshare/core/experiment/recorded/recorded-run';
import { familyKey } from '@headshare/core/experiment/store';
import { sentenceOf } from '@headshare/core/system/sentence-of';
import { UserError } from '@headshare/core/system/user-error';
import { validName } from '@headshare/core/tracking/parameters';
import fastGlob from 'fast-glob';
import { MlflowError, searchRuns } from 'mlflow-js-client';
import type { Yardstick } from './verdict';

type BySeed = Map<string, Readonly<Record<string, number>>>;

/**
 * The final metrics of runs with the same code, data and options but other seeds, from `runs/` and MLflow.
 * @param say prints the reason if MLflow cannot be asked
 */
export async function seedsOf(
  run: RecordedRun,
  { root, connect }: Places,
  say: (line: string) => void,
): Promise<Yardstick & { readonly kind: 'seeds' }> {
  const bySeed: BySeed = new Map([[seedOf(run), run.finished.result.metrics]]);
  const sources: string[] = [];
  const collect = (source: string, found: BySeed): void => {
    const before = bySeed.size;
    for (const [seed, metrics] of found) if (!bySeed.has(seed)) bySeed.set(seed, metrics);
    if (bySeed.size > before) sources.push(source);
  };
  collect('runs/', await inFolders(run, root));
  try {
    collect('MLflow', await inMlflow(run, connect));
  } catch (error) {
    if (!(error instanceof MlflowError) && !(error instanceof UserError)) throw error;
    say(`MLflow cannot be asked for other seeds: ${sentenceOf(error)}.`);
  }
  return { kind: 'seeds', bySeed, from: sources.join(' and ') };
}

const seedOf = ({ identity }: RecordedRun): string => String(identity.options[identity.experiment]?.seed);

async function inFolders(run: RecordedRun, root: string): Promise<BySeed> {
  const family = familyKey(run.identity);
  const pattern = `runs/${run.package}/${run.identity.experiment}/*/result.json`;
  const found: BySeed = new Map();
  for (const file of (await fastGlob(pattern, { cwd: root })).sort()) {
    const folder = file.slice(0, -'/result.json'.length);
    try {
      const other = readRun(join(root, folder), folder);
      if (familyKey(other.identity) === family) found.set(seedOf(other), other.finished.result.metrics);
    } catch (error) {
      // A folder that is not a readable run.
      if (!(error instanceof UserError)) throw error;
    }
  }
  return found;
}

async function inMlflow(run: RecordedRun, connect: Places['connect']): Promise<BySeed> {
  const connection = await connect();
  const experimentIds = await experimentsOf([run.package], connection);
  if (experimentIds.length === 0) return new Map();
  const filter = `tags.\`headshare.family\` = '${familyKey(run.identity)}' and attributes.status = 'FINISHED'`;
  const runs = await searchRuns(connection, { experimentIds, filter });
  return new Map(
    runs.flatMap(({ data }) => {
      const seed = data.params.find(({ key }) => key === 'seed')?.value;
      const values = new Map(data.metrics.map(({ key, value }) => [key, value]));
      const metrics = Object.fromEntries(
        Object.keys(run.finished.result.metrics).map((name) => [
          name,
          values.get(validName(`final/${name}`)) ?? Number.NaN,
        ]),
      );
      return seed === undefined ? [] : [[seed, metrics] as const];
    }),
  );
}
