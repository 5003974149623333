/** The kinds of trainings that reports know, by the names of their experiments. */

import { optionsOf } from '../../experiment/arguments';
import type { Stage } from '../../experiment/define';
import type { RecordedRun } from '../../experiment/recorded/recorded-run';
import { UserError } from '../../system/user-error';
import type { NetworkResult } from '../network-stages';

/** The stages that networks come from. */
export interface NetworkStages {
  readonly student: Stage<NetworkResult>;
  readonly teacher: Stage<NetworkResult>;
  readonly teacherStudentHead: Stage<NetworkResult>;
  readonly distillStudentHead: Stage<NetworkResult>;
  readonly distill: Stage<NetworkResult>;
}

const names = {
  distill: 'distill',
  student: 'student',
  teacher: 'teacher',
  'teacher-student-head': 'teacherStudentHead',
  'distill-student-head': 'distillStudentHead',
} as const;

export type Kind = keyof typeof names;

export const kinds = Object.keys(names) as Kind[];

const isKind = (name: string): name is Kind => Object.hasOwn(names, name);

export const stageOf = (stages: NetworkStages, kind: Kind): Stage<NetworkResult> => stages[names[kind]];

/** The kind of a stage, which must be one of them: the stages of `stages` are all that comparisons plan. */
export function kindOf(stages: NetworkStages, stage: Stage): Kind {
  const kind = kinds.find((one) => stageOf(stages, one) === stage);
  if (kind === undefined) throw new Error(`a comparison has planned '${stage.summary}', which is none of its stages`);
  return kind;
}

export type OptionValues = Readonly<Record<string, unknown>>;

/** The row of a network. @param options those that it was trained under */
export function titleOf(kind: Kind, options: OptionValues): string {
  if (kind === 'teacher-student-head') return "teacher, student's head";
  if (kind === 'student') return 'student alone';
  if (kind === 'distill-student-head') return 'sh-kd';
  return kind === 'teacher' ? 'teacher' : String(options.method);
}

export const isTeacher = (kind: Kind): boolean => kind === 'teacher' || kind === 'teacher-student-head';

const rows: readonly Kind[] = ['teacher', 'teacher-student-head', 'student', 'distill'];

/** The place of a kind among a report's rows: what is distilled stands last. */
export const rank = (kind: Kind): number => rows.indexOf(kind === 'distill-student-head' ? 'distill' : kind);

/**
 * Whether what a kind comes to can depend on an option: `distill` reaches SH-KD's stages, whose own options say
 * nothing to other methods.
 */
export function readsOption(stages: NetworkStages, kind: Kind, options: OptionValues, option: string): boolean {
  const { distill, teacher, distillStudentHead } = stages;
  const isOfHead =
    Object.hasOwn(distillStudentHead.options, option) &&
    !Object.hasOwn(distill.options, option) &&
    !Object.hasOwn(teacher.options, option);
  if (kind === 'distill' && options.method !== 'sh-kd' && isOfHead) return false;
  return Object.hasOwn(optionsOf([stageOf(stages, kind)]), option);
}

/** What a run is a training of. @throws UserError where it has trained no network of its own */
export function kindAndOptions(
  { identity, title }: RecordedRun,
  word: string,
): { readonly kind: Kind; readonly options: OptionValues } {
  const { experiment } = identity;
  if (!isKind(experiment)) {
    throw new UserError(
      `--runs: ${word} (${title}) is no training of one network: name trainings; the runs.csv of a sweep or a comparison lists theirs`,
    );
  }
  // An option means the same in all stages; the run's own value is the one that counts.
  const options: OptionValues = Object.assign({}, ...Object.values(identity.options), identity.options[experiment]);
  return { kind: experiment, options };
}
