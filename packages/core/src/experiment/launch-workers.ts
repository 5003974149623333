/** Whether a command line asks for several processes, and their start: see docs/scale-out.md. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Place, placeOf } from '../cluster/environment';
import type { LaunchOptions } from '../cluster/launch';
import { serverProtection } from '../runtime/native-addon';
import { UserError } from '../system/user-error';
import type { CommandLine } from './arguments';
import type { Overrides, Settings, Stage } from './define';
import { findFinished, planRun, type Session } from './plan-run';

/** Processes that share a run's trainings. */
export interface WantedWorkers {
  /** On this machine. */
  readonly workers: number;
  readonly place: Place;
}

/**
 * What the command line asks for; undefined for one process. Cluster software's variables count only where `--workers`,
 * `--join` or `--listen` is given.
 * @throws UserError for options or variables that contradict each other
 */
export function wantedWorkers(given: Overrides, environment: NodeJS.ProcessEnv): WantedWorkers | undefined {
  const { workers = 1, join, listen } = given as { workers?: number; join?: string; listen?: string };
  if (given.workers === undefined && join === undefined && listen === undefined) return undefined;
  const place = placeOf({ join, listen }, environment);
  return place.kind === 'alone' && workers === 1 ? undefined : { workers, place };
}

/** @throws UserError where several machines would share each training of a sweep */
export function requireOneMachine({ place }: WantedWorkers): void {
  if (place.kind === 'alone') return;
  throw new UserError(
    `Several machines share one training (${place.source}), not those of a sweep or comparison: give each machine its part of the trainings by --shard=1/2.`,
  );
}

/**
 * The command line with a slice for each worker, unless it says how many slices there are.
 * @param sets whether a profile sets the number of slices
 */
export function withSlices<S extends Pick<CommandLine, 'given'>>(
  settings: S,
  { workers, place }: WantedWorkers,
  sets: boolean,
): S {
  const { given } = settings;
  const slices = workers * (place.kind === 'first' ? place.machines : 1);
  if (sets || slices === 1 || Object.hasOwn(given, 'accumulate')) return settings;
  return { ...settings, given: { ...given, accumulate: slices } };
}

export interface Surroundings extends Pick<LaunchOptions, 'log' | 'signal' | 'code' | 'isFinished'> {
  /** The folder of the experiment's runs. */
  readonly folder: string;
}

/** Tells whether the command's run is finished; what that needs is looked up at the first call. */
export function finishedCheck(
  experiment: Stage,
  settings: Settings,
  openSession: () => Promise<Session>,
): () => Promise<boolean> {
  const prepare = async () => {
    const session = await openSession();
    const plan = await planRun(experiment, settings, session);
    return () => findFinished(plan, session);
  };
  let prepared: ReturnType<typeof prepare> | undefined;
  return async () => {
    prepared ??= prepare();
    const find = await prepared;
    return (await find()) !== undefined;
  };
}

/**
 * Runs this process's command line in several processes.
 * @returns the exit code
 * @throws UserError where strangers could connect to the workers, unless the options allow it
 */
export async function launchWorkers(
  { workers, place }: WantedWorkers,
  given: Overrides,
  values: Overrides,
  { folder, ...surroundings }: Surroundings,
): Promise<number> {
  const { minWorkers, workerPatience, insecureListen, accumulate } = values as {
    readonly [name: string]: number | boolean;
  };
  const environment = serverProtection();
  if (environment.LD_PRELOAD === undefined && !insecureListen) {
    throw new UserError(
      "Workers need TensorFlow's server, which listens on all networks of this machine and lets everybody in: only Linux, after `npx nx run tools:tensorflow`, and in a folder without blanks and colons in its path, can keep strangers out. --insecure-listen goes on without.",
      1,
    );
  }
  // The coordinator's TLS takes time to load, and few commands need it.
  const { launch, ownCommand } = await import('../cluster/launch');
  const { command, args } = ownCommand();
  const slices = Object.hasOwn(given, 'accumulate') ? [`--accumulate=${accumulate}`] : [];
  return launch(
    { command, args: [...args, ...slices], environment },
    {
      workers,
      place,
      minWorkers: Number(minWorkers),
      patience: Number(workerPatience),
      // Machines may share the folder of runs.
      outputFolder: place.kind === 'joins' ? join(folder, 'workers', hostname()) : join(folder, 'workers'),
      ...surroundings,
    },
  );
}
