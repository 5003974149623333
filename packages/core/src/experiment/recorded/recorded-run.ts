import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, Run } from 'mlflow-js-client';
import { isRecord } from '../../system/is-record';
import { UserError } from '../../system/user-error';
import { addressIn } from '../../tracking/sync/sync-state';
import type { FinishedRun } from '../define';
import { type Environment, environmentsIn } from '../environment';
import { isFinished, type RunIdentity } from '../store';

/** A finished run, in a folder or in MLflow. */
export interface RecordedRun {
  /** `face:student, run 1a2b3c4d5e6f` */
  readonly title: string;
  readonly package: string;
  readonly profile: string;
  readonly identity: RunIdentity;
  readonly finished: FinishedRun;
  /** The last one is the one that it ended in. Empty for runs from before environment.json existed. */
  readonly environments: readonly Environment[];
  /** The folder with its files, where this machine has it. */
  readonly folder?: string;
  /** Its place in MLflow, where only that has it. */
  readonly inMlflow?: {
    readonly connection: Connection;
    readonly info: Run['info'];
    /** The names of its metrics. */
    readonly metrics: readonly string[];
  };
}

/** The files that describe a run, in its folder and among its artifacts in MLflow. */
export const recordFiles = ['config.json', 'result.json', 'environment.json'] as const;

export type Records = Readonly<Partial<Record<(typeof recordFiles)[number], string>>>;

/** The run in a folder. @param where the folder, for errors. @throws UserError for no run, or an unfinished one */
export function readRun(folder: string, where: string): RecordedRun {
  const texts = recordFiles.map((file) => {
    const path = join(folder, file);
    return [file, existsSync(path) ? readFileSync(path, 'utf8') : undefined] as const;
  });
  const run = recordedRun(Object.fromEntries(texts), where);
  const address = addressIn(join(folder, 'journal.jsonl'));
  return { ...run, finished: { ...run.finished, ...(address !== undefined && { address }) }, folder };
}

/** Parses the files of a run. @param where the run, for errors. @throws UserError for a missing or wrong file */
export function recordedRun(records: Records, where: string): RecordedRun {
  const config = parsed(records['config.json']);
  if (records['config.json'] === undefined) {
    throw new UserError(`${where} has no config.json: it is no run, or one from before runs kept their options`);
  }
  if (!isConfig(config)) {
    throw new UserError(`the config.json of ${where} lacks one of experiment, options, data, sources and device`);
  }
  const finished = parsed(records['result.json']);
  if (!isFinished(finished)) {
    throw new UserError(`${where} has not finished (no result.json): there is nothing to compare with`);
  }
  // The key becomes part of a path.
  if (!isName(finished.key)) throw new UserError(`${where} calls itself '${finished.key}', which is no run's key`);
  const { package: packageName, profile, ...identity } = config;
  return {
    title: `${packageName}:${identity.experiment}, run ${finished.key}`,
    package: packageName,
    profile,
    identity,
    finished,
    environments: environmentsIn(parsed(records['environment.json'])),
  };
}

type Config = RunIdentity & { readonly package: string; readonly profile: string };

function isConfig(value: unknown): value is Config {
  if (!isRecord(value) || !isRecord(value.options) || !Object.values(value.options).every(isRecord)) return false;
  // Package and experiment become parts of paths.
  if (![value.package, value.experiment].every(isName)) return false;
  return [value.profile, value.data, value.sources, value.device].every((text) => typeof text === 'string');
}

const isName = (value: unknown): boolean => typeof value === 'string' && /^[\w-]+$/.test(value);

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
