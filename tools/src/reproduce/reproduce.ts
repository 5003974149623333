import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Catalog, loadCatalog } from '@headshare/core/experiment/catalog';
import { dataFingerprint } from '@headshare/core/experiment/data-folder';
import { environmentOf } from '@headshare/core/experiment/environment';
import { findRun, type Places } from '@headshare/core/experiment/recorded/find-run';
import type { RecordedRun } from '@headshare/core/experiment/recorded/recorded-run';
import { sourcesDigest } from '@headshare/core/experiment/store';
import { UserError } from '@headshare/core/system/user-error';
import { differences } from './circumstances';
import { circumstancesText, type Verdict, verdictOf, verdictText } from './report';
import { restate } from './restate';
import { reuseStages, runAgain } from './run-again';
import { seedsOf } from './spread';
import { compareResults, judge, type Yardstick } from './verdict';
import { addWorktree, removeWorktree } from './worktree';

export interface Request extends Places {
  /** The run: see `findRun`. */
  readonly run: string;
  /** Runs the sources of the run's commit instead of the present ones. */
  readonly worktree: boolean;
  /** Takes finished stages (a teacher) from `runs/`, where they are of the same sources, options and data. */
  readonly reuseStages: boolean;
  /** How far metrics may be off instead of what seeds say. */
  readonly tolerance?: number;
  /** Says what differs and what would run, and runs nothing. */
  readonly check: boolean;
  /** Leaves the new run's folder. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * Makes a run again and says whether it came to the same. Undefined where it was only checked.
 * @throws UserError where it cannot be made again, and the signal's reason
 */
export async function reproduce(request: Request): Promise<Verdict | undefined> {
  const { root, signal, say } = request;
  const run = await findRun(request.run, request);
  say(`${run.title}${commitOf(run) === undefined ? '' : `, of commit ${commitOf(run)?.slice(0, 8)}`}`);
  const parent = join(root, 'runs');
  mkdirSync(parent, { recursive: true });
  // Beside the runs: the disk has room there, and stages can be linked. Their readers pass names with a dot over.
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
  const { words, since } = restate(run, catalog);
  await sayWhatDiffers(run, root, sources, request);
  if (since.length > 0) say(`Options that there were not yet, at their defaults: ${since.join(', ')}.`);
  say(`The command: npx nx run ${run.package}:${run.identity.experiment} ${words.join(' ')}`.trimEnd());
  if (request.check) return undefined;

  const runs = join(folder, 'runs');
  mkdirSync(runs);
  if (request.reuseStages) say(`Stages that are taken from runs/: ${await reuseStages(run, root, runs)}.`);
  say('');
  const again = await runAgain(run, { root, sources, runs, words, signal, say });
  say(circumstancesText(differences(circumstancesOf(run), circumstancesOf(again))));
  for (const line of interruptions(run)) say(line);

  const comparison = compareResults(run.finished, again.finished);
  const yardstick = comparison.changed.length > 0 ? await yardstickOf(run, request) : undefined;
  const judged = judge(comparison, yardstick);
  say(verdictText(comparison, judged, yardstick));
  return verdictOf(comparison, judged);
}

function catalogOf(run: RecordedRun, sources: string): Catalog {
  const catalog = loadCatalog(join(sources, 'packages', run.package));
  if (catalog.experiments.size > 0 || catalog.broken.size > 0) return catalog;
  throw new UserError(
    `there is no package ${run.package} with experiments any more; --worktree makes the run by its own commit`,
  );
}

/** What is seen before hours are spent: commit, sources, data. */
async function sayWhatDiffers(
  run: RecordedRun,
  root: string,
  sources: string,
  { say, worktree }: Request,
): Promise<void> {
  const { identity, environments } = run;
  const commit = commitOf(run);
  const { commit: present, uncommitted } = await environmentOf(sources);
  const sameSources = (await sourcesDigest(sources, run.package, join(sources, 'packages/core'))) === identity.sources;
  const dirty = environments.at(-1)?.uncommitted === 'yes' ? ', with changes that were not committed' : '';
  if (sameSources) {
    if (commit !== present) say('The commit is another one; the sources are the same.');
  } else if (worktree) {
    say(`The sources of the commit are not those that ran${dirty}.`);
  } else if (commit === undefined) {
    say('The sources are others than those of the run, whose commit is not known.');
  } else {
    const changed = uncommitted === 'yes' ? ', with changes that are not committed' : '';
    const now = present === undefined ? 'no commit' : `${present.slice(0, 8)}${changed}`;
    say(
      `The sources are others: the run is of ${commit.slice(0, 8)}${dirty}, these are of ${now}. --worktree runs its own.`,
    );
  }
  if (dataFingerprint(root, run.package) !== identity.data) {
    say("The package's data are others, by names, sizes and times of its files: the result may be, too.");
  }
}

const commitOf = ({ environments }: RecordedRun): string | undefined => environments.at(-1)?.commit;

function wantedCommit(run: RecordedRun): string {
  const commit = commitOf(run);
  if (commit === undefined)
    throw new UserError(`${run.title} does not say of which commit it is: --worktree cannot help`);
  return commit;
}

const circumstancesOf = ({ identity, environments }: RecordedRun) => ({ identity, environment: environments.at(-1) });

const interruptions = ({ environments }: RecordedRun): readonly string[] =>
  environments.length > 1
    ? [`The run was interrupted, and went on under something else: ${environments.length} environments in all.`]
    : [];

async function yardstickOf(run: RecordedRun, request: Request): Promise<Yardstick> {
  if (request.tolerance !== undefined) return { kind: 'tolerance', tolerance: request.tolerance };
  return seedsOf(run, request, request.say);
}
