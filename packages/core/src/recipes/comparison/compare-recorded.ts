/** Runs that exist, side by side: rows are runs that differ in the seed alone, named by the options that differ. */
import { resolve } from 'node:path';
import { camelCase, flagName, valueText } from '../../experiment/option';
import { fetchRun } from '../../experiment/recorded/fetch-run';
import { findRun, type Places } from '../../experiment/recorded/find-run';
import type { RecordedRun } from '../../experiment/recorded/recorded-run';
import { familyKey } from '../../experiment/store';
import { rowText } from '../../experiment/sweep/plan-sweep';
import { UserError } from '../../system/user-error';
import type { NetworkResult } from '../network-stages';
import {
  isTeacher,
  type Kind,
  kindAndOptions,
  type NetworkStages,
  type OptionValues,
  readsOption,
  titleOf,
} from './kinds';
import type { Training } from './report';

export interface RecordedComparison {
  readonly trainings: readonly Training[];
  readonly baselines: ReadonlyMap<string, readonly string[]>;
  /** All runs are of the same data. */
  readonly isOfOneData: boolean;
}

/** A run whose kind is known. */
interface Candidate {
  readonly run: RecordedRun;
  readonly kind: Kind;
  readonly options: OptionValues;
}

export interface RecordedRequest extends Places {
  /** Folders, keys, MLflow's ids, or beginnings of these. */
  readonly words: readonly string[];
  readonly package: string;
}

/**
 * The runs of the words, each once.
 * @throws UserError for what is no run, has not finished, is of another package, or has trained no network
 */
export async function findTrainings(request: RecordedRequest): Promise<readonly Candidate[]> {
  const found = new Map<string, Candidate>();
  for (const word of request.words) {
    const run = await findRun(word, request);
    if (run.package !== request.package) {
      throw new UserError(
        `--runs: ${word} is a run of ${run.package}, not of ${request.package}: numbers of different packages do not compare`,
      );
    }
    found.set(run.finished.key, { run, ...kindAndOptions(run, word) });
  }
  return [...found.values()];
}

/** @param dataOptions names of the options that say what the data are. @throws as `findTrainings` does */
export async function recordedTrainings(
  request: RecordedRequest,
  stages: NetworkStages,
  dataOptions: readonly string[],
): Promise<RecordedComparison> {
  const { root } = request;
  const candidates = await findTrainings(request);
  const settings = settingsOf(candidates, stages);
  const trainings: Training[] = [];
  for (const { run, kind, options } of candidates) {
    const { finished } = run;
    const name = { title: titleOf(kind, options), settings: settings.get(familyKey(run.identity)) ?? {} };
    // Sound because every kind's experiment ends with this.
    const result = finished.result as NetworkResult;
    const folder = resolve(root, await fetchRun(run, root));
    trainings.push({ name, seed: Number(options.seed), kind, options, finished: { ...finished, result }, folder });
  }
  const ofData = ({ run, options }: Candidate): string =>
    JSON.stringify([run.identity.data, run.identity.files, dataOptions.map((option) => options[option])]);
  return { trainings, baselines: baselinesOf(trainings), isOfOneData: new Set(candidates.map(ofData)).size === 1 };
}

/** By family: the options that it reads of which not all runs have the same value, and what else tells families apart. */
function settingsOf(
  candidates: readonly Candidate[],
  stages: NetworkStages,
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const families = new Map(candidates.map((one) => [familyKey(one.run.identity), one]));
  const all = [...families].map(([family, { run, kind, options }]) => {
    const read = Object.entries(options).filter(
      ([option]) => !['seed', 'method'].includes(option) && readsOption(stages, kind, options, option),
    );
    const { data, sources, device, files } = run.identity;
    const values = new Map<string, string>([
      ...read.map(([option, value]) => [flagName(option).slice(2), valueText(value)] as const),
      ['data digest', data.slice(0, 12)],
      ['sources digest', sources.slice(0, 8)],
      ['device', device],
      [
        'files digest',
        Object.values(files ?? {})
          .sort()
          .join(' ')
          .slice(0, 16),
      ],
    ]);
    const reads = (option: string): boolean =>
      values.has(option) || readsOption(stages, kind, options, camelCase(option));
    return { family, values, reads };
  });
  const names = [...new Set(all.flatMap(({ values }) => [...values.keys()]))];
  // An optional option that was not given is not among a run's.
  const differing = names.filter(
    (name) => new Set(all.filter(({ reads }) => reads(name)).map(({ values }) => values.get(name))).size > 1,
  );
  return new Map(
    all.map(({ family, values }) => [
      family,
      Object.fromEntries(
        differing.flatMap((name) => {
          const value = values.get(name);
          return value === undefined || value === '' ? [] : [[name, value]];
        }),
      ),
    ]),
  );
}

/** Each row is held against the student alone under the same options, where there is one, and against the first. */
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

const agree = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.entries(a).every(([option, value]) => b[option] === undefined || b[option] === value);
