/**
 * `compare --runs`: rows are finished runs that differ in the seed alone; their names have the options that differ. Of the
 * shards of one sweep it makes the table that the whole sweep would have made.
 */
import { resolve } from 'node:path';
import type { Workspace } from '../../experiment/define';
import { flagName, valueText } from '../../experiment/option';
import { fetchRun } from '../../experiment/recorded/fetch-run';
import { findRun, type Places } from '../../experiment/recorded/find-run';
import type { RecordedRun } from '../../experiment/recorded/recorded-run';
import { familyKey } from '../../experiment/store';
import { type RowName, rowText } from '../../experiment/sweep/plan-sweep';
import { UserError } from '../../system/user-error';
import { destinationOf } from '../../tracking/sync/destination';
import type { NetworkResult } from '../network-stages';
import { isTeacher, type Kind, kinds, type NetworkStages, type OptionValues, readsOption, titleOf } from './kinds';
import { joinShards, type SweepRecord, sweepRecordIn } from './sweep-record';
import type { Training } from './training';

interface RecordedTraining {
  readonly run: RecordedRun;
  readonly kind: Kind;
  readonly options: OptionValues;
}

type Settings = RowName['settings'];

export interface Recorded {
  readonly trainings: readonly RecordedTraining[];
  /** The sweep of all of them, where every word names a shard of that sweep or the whole of it. */
  readonly sweep?: SweepRecord;
}

/**
 * Finds the runs of the words (folders, keys, ids in MLflow, or prefixes of these), each once. A sweep, or a shard of one,
 * stands for its trainings.
 * @throws UserError for no run, an unfinished one, one of another package, or one that trained no network
 */
export async function findTrainings(
  words: readonly string[],
  { package: packageName, root, signal }: Workspace,
): Promise<Recorded> {
  let connection: ReturnType<Places['connect']> | undefined;
  const connect: Places['connect'] = () => {
    connection ??= destinationOf().connect(signal);
    return connection;
  };
  const found = new Map<string, RecordedTraining>();
  const sweeps: SweepRecord[] = [];
  const add = (run: RecordedRun, kind: Kind): void => {
    // An option means the same in all stages; the run's own value is the one that counts.
    const options = Object.assign({}, ...Object.values(run.identity.options), run.identity.options[kind]);
    found.set(run.finished.key, { run, kind, options });
  };
  for (const word of words) {
    const run = await findRun(word, { root, connect });
    const { identity, title, finished } = run;
    if (run.package !== packageName) {
      throw new UserError(
        `--runs: ${word} is a run of ${run.package}, not of ${packageName}: numbers of different packages do not compare`,
      );
    }
    const kind = kindNamed(identity.experiment);
    const sweep = sweepRecordIn(finished.result);
    if (kind === undefined && sweep === undefined) {
      throw new UserError(
        `--runs: ${word} (${title}) is no training of one network: name trainings, or sweeps; the runs.csv of a comparison lists its own`,
      );
    }
    if (kind !== undefined) add(run, kind);
    else if (sweep !== undefined) {
      sweeps.push(sweep);
      for (const [key, { runId = key }] of Object.entries(sweep.reported)) {
        signal.throwIfAborted();
        const one = await findRun(runId, { root, connect });
        const ofOne = kindNamed(one.identity.experiment);
        if (ofOne === undefined || one.finished.key !== key) {
          throw new UserError(`--runs: ${word} (${title}) lists ${runId}, which is another run than it reports`, 1);
        }
        add(one, ofOne);
      }
    }
  }
  const joint = sweeps.length === words.length ? joinShards(sweeps) : undefined;
  return { trainings: [...found.values()], ...(joint && { sweep: joint }) };
}

const kindNamed = (experiment: string): Kind | undefined => kinds.find((kind) => kind === experiment);

/**
 * The runs of the words as trainings with baselines.
 * @param dataOptions the names of the options for the data
 * @throws UserError as `findTrainings` does
 */
export async function recordedTrainings(
  words: readonly string[],
  workspace: Workspace,
  stages: NetworkStages,
  dataOptions: readonly string[],
) {
  const { trainings: found, sweep } = await findTrainings(words, workspace);
  const settings = settingsByFamily(found, stages);
  const trainings: Training[] = [];
  for (const { run, kind, options } of found) {
    const name = { title: titleOf(kind, options), settings: settings.get(familyKey(run.identity)) ?? {} };
    // Sound because the result of every kind is of this type.
    const finished = { ...run.finished, result: run.finished.result as NetworkResult };
    const folder = resolve(workspace.root, await fetchRun(run, workspace.root));
    trainings.push({ name, seed: Number(options.seed), kind, options, finished, folder });
  }
  if (sweep) return { ...ofSweep(sweep, trainings), sweep, isOfOneData: true };
  const data = ({ run: { identity }, options }: RecordedTraining): string =>
    JSON.stringify([identity.data, identity.files, dataOptions.map((option) => options[option])]);
  return { trainings, baselines: baselinesOf(trainings), isOfOneData: new Set(found.map(data)).size === 1, notes: [] };
}

/** The trainings as the sweep orders and names them. */
function ofSweep({ trainings: planned, baselines, reported }: SweepRecord, trainings: readonly Training[]) {
  const byKey = new Map(trainings.map((one) => [one.finished.key, one]));
  const inOrder = planned.flatMap(({ name, seed, key }): Training[] => {
    const training = byKey.get(key);
    const { besideTeacher } = reported[key] ?? {};
    return training ? [{ ...training, name, seed, ...(besideTeacher && { besideTeacher }) }] : [];
  });
  const missing = planned.length - inOrder.length;
  const notes = [
    `${missing} of the sweep's ${planned.length} trainings are missing: --runs names only some of its shards.`,
  ];
  return { trainings: inOrder, baselines: new Map(baselines), notes: missing > 0 ? notes : [] };
}

/** The options and other parts of its identity that distinguish each family (the runs that differ in the seed alone). */
function settingsByFamily(found: readonly RecordedTraining[], stages: NetworkStages): ReadonlyMap<string, Settings> {
  const families = [...new Map(found.map((one) => [familyKey(one.run.identity), one]))].map(([family, one]) => {
    const { data, sources, device, files = {} } = one.run.identity;
    const reads = (option: string): boolean => readsOption(stages, one.kind, one.options, option);
    const read = Object.entries(one.options).filter(([name]) => !['seed', 'method'].includes(name) && reads(name));
    const values = new Map([
      ...read.map(([option, value]) => [option, valueText(value)] as const),
      ['data digest', data.slice(0, 12)],
      ['sources digest', sources.slice(0, 8)],
      ['device', device],
      ['files digest', Object.values(files).sort().join(' ').slice(0, 16)],
    ]);
    return { family, values, reads: (name: string) => values.has(name) || reads(name) };
  });
  const names = [...new Set(families.flatMap(({ values }) => [...values.keys()]))];
  // A run reads an optional option, but has no value of it, when the option is not given.
  const differing = names.filter(
    (name) => new Set(families.filter(({ reads }) => reads(name)).map(({ values }) => values.get(name))).size > 1,
  );
  return new Map(
    families.map(({ family, values }) => {
      const known = differing.flatMap((name) => {
        const value = values.get(name);
        return value ? [[flagName(name).slice(2), value]] : [];
      });
      return [family, Object.fromEntries(known)];
    }),
  );
}

/** The baselines of each row: the student alone with the same settings, and the first row. */
function baselinesOf(trainings: readonly Training[]): ReadonlyMap<string, readonly string[]> {
  const rows = [...new Map(trainings.map((one) => [rowText(one.name), one])).values()];
  const students = rows.filter(({ kind }) => !isTeacher(kind));
  const compared = students.length > 0 ? students : rows;
  const first = compared.find(({ kind }) => kind !== 'student') ?? compared[0];
  return new Map(
    compared.map(({ kind, name }) => {
      if (kind === 'student' && first?.kind !== 'student') return [rowText(name), []];
      const alone = compared.filter((one) => one.kind === 'student' && agree(one.name.settings, name.settings));
      const others = new Set([...alone, ...(first === undefined ? [] : [first])].map((one) => rowText(one.name)));
      others.delete(rowText(name));
      return [rowText(name), [...others]];
    }),
  );
}

const agree = (a: Settings, b: Settings): boolean =>
  Object.entries(a).every(([option, value]) => b[option] === undefined || b[option] === value);
