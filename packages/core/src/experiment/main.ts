import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { RunFinished } from '../cluster/lost';
import type { Leaving, Member } from '../cluster/member';
import { ReplacementWanted } from '../cluster/stage-workers';
import { replacementCode, tellFailed, workerProcess } from '../cluster/worker-process';
import { isFolder, notAFolder } from '../system/archive';
import { makeFolder } from '../system/make-folder.cjs';
import { guardOutput, keepWorking } from '../system/output.cjs';
import { wantedThreads } from '../system/threads';
import { UserError } from '../system/user-error';
import { diskProblem, errorCode } from '../system/whole-file';
import { parentTag, parentVariable } from '../tracking/run-tags';
import { optionsOf, readArguments } from './arguments';
import { loadCatalog, locate, withDependencies } from './catalog';
import { dataFingerprint } from './data-fingerprint.cjs';
import { countingProfile, withoutEffect } from './data-options';
import type { Overrides, Stage } from './define';
import { explain } from './failure';
import { helpText } from './help';
import { interruption } from './interruption';
import { finishedCheck, launchWorkers, requireOneMachine, wantedWorkers, withSlices } from './launch-workers';
import { openNoTracker, openTracker } from './open-tracker';
import { flagName, type Option, valueText } from './option';
import { planRun, type Session } from './plan-run';
import { publish, runStage } from './run-stage';
import { requireSameRun } from './same-run';
import { profileValues, resolveAll } from './settings';
import { reportingDigest, sourcesDigest } from './store';
import { withVerification } from './verify-data';

/**
 * Runs one experiment: `main.ts packages/face/experiments/distill.ts --profile=smoke --seed=3`.
 * Returns the exit code: 0 done, 1 the work failed, 2 wrong usage, 130 or 143 interrupted.
 *
 * HEADSHARE_RUNS: run from scratch into this folder, untracked (`tools:reproduce`).
 */
export async function main([file, ...argv]: readonly string[], log: (line: string) => void): Promise<number> {
  const worker = workerProcess();
  // Its launcher says it to all.
  const { signal, code, release } = interruption(worker ? () => undefined : log);
  let runs: string | undefined;
  let folder: string | undefined;
  let member: Member | undefined;
  let leaving: Leaving = 'stopped';
  const unsent = new Set<string>();
  const logUnsent = (): void => {
    const reasons = [...unsent].join('; ');
    if (reasons) log(`Not everything is in MLflow yet: ${reasons}. \`npx nx run tools:sync\` sends the rest later.`);
  };
  try {
    if (file === undefined) throw new UserError('name an experiment: packages/<package>/experiments/<name>.ts');
    runs = folderOfRuns();
    const { root, name, packageFolder, package: packageName } = locate(file);
    folder = `runs/${packageName}/${name}`;
    const catalog = loadCatalog(packageFolder);
    const experiment = catalog.experiments.get(name);
    if (experiment === undefined) throw catalog.broken.get(name) ?? new UserError(`there is no file ${file}`);
    const parsed = readArguments(argv, experiment, catalog, argv.includes('--check'));
    if (parsed.help) {
      log(helpText(experiment, catalog, parsed.profile));
      return 0;
    }
    const inProfile = profileValues(experiment, parsed.profile);
    const options = optionsOf([experiment]);
    const wanted = options.workers && !worker ? wantedWorkers(parsed.given, process.env) : undefined;
    // A sweep's trainings are commands, which start their own workers.
    const launches = experiment.options.workers !== undefined;
    if (wanted && !launches) requireOneMachine(wanted);
    const settings = wanted && options.accumulate ? withSlices(parsed, wanted, inProfile.has('accumulate')) : parsed;
    const values = resolveAll(experiment, settings);
    const idle = withoutEffect(options, values, settings.given);
    if (settings.check) {
      experiment.rehearse(values);
      return 0;
    }

    const { profile, given } = settings;
    const openSession = () => sessionOf({ catalog, experiment, values, signal, log, unsent, runs });
    if (wanted && launches) {
      const place = runs ?? join(root, 'runs');
      const surroundings = { folder: join(place, packageName, name), log, signal, code };
      const isFinished = finishedCheck(experiment, settings, openSession);
      return await launchWorkers(wanted, given, values, { ...surroundings, isFinished });
    }
    log(`${packageName}:${name}, profile ${profile}: ${experiment.summary}`);
    const counts = countingProfile(options, Object.fromEntries(inProfile), given);
    const ofProfile = [...inProfile].filter(
      ([name]) => !Object.hasOwn(given, name) && counts(options[name] as Option<unknown>),
    );
    const flags = ofProfile.map(([option, value]) => `${flagName(option)}=${valueText(value)}`);
    if (flags.length > 0) log(`Values of the profile: ${flags.join(' ')}`);
    for (const line of idle) log(line);
    const alone = await openSession();
    if (worker) {
      // Few commands are workers, and TLS takes time to load.
      const { joinCluster } = await import('../cluster/join');
      member = await joinCluster({ ...worker, threads: wantedThreads() ?? availableParallelism() });
    }
    const session: Session = { ...alone, ...(member && { member }) };
    if (member) await requireSameRun(member, (await planRun(experiment, settings, session)).identity);
    const done = await runStage(experiment, settings, session);
    leaving = 'finished';
    if (member && !member.isHome) return 0;
    // A run that another run started is not the target's latest.
    if (runs === undefined && !process.env[parentVariable]) await publish(name, done, catalog);
    log(`\n${done.run.result.summary.trimEnd()}\n`);
    if (runs === undefined) log(`Files: ${relative(root, done.folder)}`);
    if (done.run.address !== undefined) log(`MLflow: ${done.run.address}`);
    logUnsent();
    return 0;
  } catch (error) {
    logUnsent();
    // Home has finished, and this worker with it.
    if (error instanceof RunFinished) return 0;
    if (error instanceof ReplacementWanted) {
      leaving = 'returns';
      return replacementCode;
    }
    if (signal.aborted) {
      log(runs === undefined ? 'Interrupted. Run the same command again to resume.' : 'Interrupted.');
      return code();
    }
    const { message, exitCode } = explain(error, folder);
    if (worker) tellFailed(message);
    else console.error(message);
    return exitCode;
  } finally {
    release();
    await member?.close(leaving);
  }
}

/** The session of a process that is alone. */
async function sessionOf({
  experiment,
  values,
  runs,
  ...given
}: Pick<Session, 'catalog' | 'signal' | 'log' | 'unsent'> & {
  readonly experiment: Stage;
  readonly values: Overrides;
  readonly runs: string | undefined;
}): Promise<Session> {
  const { root, package: packageName } = given.catalog;
  const data = await withVerification(values, (how) => dataFingerprint(root, packageName, how));
  const reports = withDependencies(experiment).some((stage) => stage.reports);
  const parent = process.env[parentVariable];
  const logged = new Set<string>();
  // Every stage would warn of the same unreachable server.
  const logOnce = (line: string): void => {
    if (!logged.has(line)) given.log(line);
    logged.add(line);
  };
  return {
    ...given,
    ...(parent && { tags: { [parentTag]: parent } }),
    data,
    sources: await sourcesDigest(root, packageName),
    ...(reports && { reporting: await reportingDigest() }),
    digests: new Map(),
    track: runs === undefined ? (run) => openTracker({ ...run, log: logOnce }) : openNoTracker,
    ...(runs !== undefined && { runs }),
  };
}

/** HEADSHARE_RUNS. @throws UserError if it cannot be a folder */
function folderOfRuns(): string | undefined {
  const given = process.env.HEADSHARE_RUNS;
  if (!given) return undefined;
  const runs = resolve(given);
  try {
    makeFolder(runs);
  } catch (error) {
    const { cause = 'it cannot be made', code = errorCode(error) } = diskProblem(error) ?? {};
    throw new UserError(`HEADSHARE_RUNS=${given} must be a folder for runs, and ${cause} (${code})`);
  }
  if (!isFolder(runs)) throw notAFolder(given, 'HEADSHARE_RUNS');
  return runs;
}

if (require.main === module) {
  // Not only in the preload: somebody may start this file without it.
  guardOutput();
  keepWorking();
  main(process.argv.slice(2), console.log).then((exitCode) => {
    // Worker pools and sockets must not keep a finished command alive; exit once the output is flushed.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
  });
}
