import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Catalog, loadCatalog } from '@headshare/core/experiment/catalog';
import { dataFingerprint } from '@headshare/core/experiment/data-folder';
import { environmentOf } from '@headshare/core/experiment/environment';
import { findRun, type Places } from '@headshare/core/experiment/recorded/find-run';
import type { RecordedRun } from '@headshare/core/experiment/recorded/recorded-run';
import { sourcesDigest } from '@headshare/core/experiment/store';
import { UserError } from '@headshare/core/system/user-error';
import { circumstancesText, type Verdict, verdictOf, verdictText } from './report';
import { restate } from './restate';
import { reuseStages, runAgain } from './run-again';
import { seedsOf } from './spread';
import { checkMetrics, compareResults, type Yardstick } from './verdict';
import { addWorktree, removeWorktree } from './worktree';

export interface Request extends Places {
  /** The run, in any form that `findRun` takes. */
  readonly run: string;
  /** Whether to run the sources of the run's commit instead of the current ones. */
  readonly worktree: boolean;
  /** Whether to reuse finished stages (a teacher) in `runs/` of the same sources, options and data. */
  readonly reuseStages: boolean;
  /** Allowed difference of a metric. Default: the spread over seeds. */
  readonly tolerance?: number;
  /** Whether to print the differences and the command, and run nothing. */
  readonly check: boolean;
  /** Whether to keep the new run's folder. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * Makes a run again and compares the results.
 * @returns undefined with `check`
 * @throws UserError if the run cannot be made again; the signal's reason
 */
export async function reproduce(request: Request): Promise<Verdict | undefined> {
  const { root, signal, say } = request;
  const run = await findRun(request.run, request);
  say(`${run.title}${commitOf(run) === undefined ? '' : `, commit ${commitOf(run)?.slice(0, 8)}`}`);
  const parent = join(root, 'runs');
  mkdirSync(parent, { recursive: true });
  // Beside the runs, where the disk has room and stages can be linked. Readers of runs ignore names with a dot.
  const folder = mkdtempSync(join(parent, '.reproduced-'));
  const sources = request.worktree ? join(folder, 'worktree') : root;
  try {
    if (request.worktree) await addWorktree(root, wantedCommit(run), sources);
    signal.throwIfAborted();
    return await reproduceIn(folder, sources, run, request);
  } finally {
    if (request.worktree) await removeWorktree(root, sources);
    if (request.keep && !request.check && !signal.aborted) say(`Files: ${relative(root, folder)}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

async function reproduceIn(
  folder: string,
  sources: string,
  run: RecordedRun,
  request: Request,
): Promise<Verdict | undefined> {
  const { root, signal, say } = request;
  const catalog = catalogOf(run, sources);
  const { words, newOptions } = restate(run, catalog);
  await printDifferences(run, root, sources, request);
  if (newOptions.length > 0) say(`Options that are newer than the run keep their defaults: ${newOptions.join(', ')}.`);
  say(`The command: npx nx run ${run.package}:${run.identity.experiment} ${words.join(' ')}`.trimEnd());
  if (request.check) return undefined;

  const runs = join(folder, 'runs');
  mkdirSync(runs);
  if (request.reuseStages) say(`Stages reused from runs/: ${await reuseStages(run, root, runs)}.`);
  say('');
  const again = await runAgain(run, { root, sources, runs, words, signal, say });
  say(circumstancesText(circumstancesOf(run), circumstancesOf(again)));
  const environments = run.environments.length;
  if (environments > 1) say(`The run was resumed in another environment; it had ${environments} in all.`);

  const comparison = compareResults(run.finished, again.finished);
  const { tolerance } = request;
  let yardstick: Yardstick | undefined;
  if (tolerance !== undefined) yardstick = { kind: 'tolerance', tolerance };
  else if (comparison.changed.length > 0) yardstick = await seedsOf(run, request, say);
  const checked = checkMetrics(comparison, yardstick);
  say(verdictText(comparison, checked, yardstick));
  return verdictOf(comparison, checked);
}

function catalogOf(run: RecordedRun, sources: string): Catalog {
  const catalog = loadCatalog(join(sources, 'packages', run.package));
  if (catalog.experiments.size > 0 || catalog.broken.size > 0) return catalog;
  throw new UserError(
    `package ${run.package} no longer exists or has no experiments; --worktree runs the run's own commit`,
  );
}

/** Prints how commit, sources and data differ, before hours are spent. */
async function printDifferences(
  run: RecordedRun,
  root: string,
  sources: string,
  { say, worktree }: Request,
): Promise<void> {
  const { identity, environments } = run;
  const commit = commitOf(run);
  const { commit: present, uncommitted } = await environmentOf(sources);
  const sameSources = (await sourcesDigest(sources, run.package, join(sources, 'packages/core'))) === identity.sources;
  const dirty = environments.at(-1)?.uncommitted === 'yes' ? ' with uncommitted changes' : '';
  if (sameSources) {
    if (commit !== present) say('The commit differs; the sources are the same.');
  } else if (worktree) {
    say(`The sources of the commit differ from those of the run${dirty && `, which ran${dirty}`}.`);
  } else if (commit === undefined) {
    say('The sources differ from those of the run, whose commit is unknown.');
  } else {
    const changed = uncommitted === 'yes' ? ' with uncommitted changes' : '';
    const now = present === undefined ? 'no commit' : `${present.slice(0, 8)}${changed}`;
    say(
      `The sources differ: the run's commit is ${commit.slice(0, 8)}${dirty}, the current one ${now}. --worktree runs the run's commit.`,
    );
  }
  if ((await dataFingerprint(root, run.package)) !== identity.data) {
    say("The package's data differ in names or contents of files: the result may differ, too.");
  }
}

const commitOf = ({ environments }: RecordedRun): string | undefined => environments.at(-1)?.commit;

function wantedCommit(run: RecordedRun): string {
  const commit = commitOf(run);
  if (commit === undefined) throw new UserError(`${run.title} does not record its commit: --worktree cannot run it`);
  return commit;
}

const circumstancesOf = ({ identity, environments }: RecordedRun) => ({ identity, environment: environments.at(-1) });
