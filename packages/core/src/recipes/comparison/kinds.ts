/** The kinds of trainings in reports, named after their experiments. */
import { optionsOf } from '../../experiment/arguments';
import type { Stage } from '../../experiment/define';
import type { NetworkResult } from '../network-stages';

export const kinds = ['distill', 'student', 'teacher', 'teacher-student-head', 'distill-student-head'] as const;

export type Kind = (typeof kinds)[number];

/** The experiment of each kind. */
export type NetworkStages = Readonly<Record<Kind, Stage<NetworkResult>>>;

export type OptionValues = Readonly<Record<string, unknown>>;

/** The kind of a stage, which must be one of `stages`. */
export function kindOf(stages: NetworkStages, stage: Stage): Kind {
  const kind = kinds.find((one) => stages[one] === stage);
  if (kind === undefined) throw new Error(`'${stage.summary}' is none of the experiments that reports know`);
  return kind;
}

/** The title of a network's row. @param options those of its training */
export function titleOf(kind: Kind, options: OptionValues): string {
  if (kind === 'teacher-student-head') return "teacher, student's head";
  if (kind === 'student') return 'student alone';
  if (kind === 'distill-student-head') return 'sh-kd';
  return kind === 'teacher' ? 'teacher' : String(options.method);
}

export const isTeacher = (kind: Kind): boolean => kind === 'teacher' || kind === 'teacher-student-head';

const rows: readonly Kind[] = ['teacher', 'teacher-student-head', 'student', 'distill'];

/** The position of a kind among a report's rows: distilled students come last. */
export const rank = (kind: Kind): number => rows.indexOf(kind === 'distill-student-head' ? 'distill' : kind);

/**
 * Whether a training's result can depend on an option. `distill` takes the options of SH-KD's stages too, which change
 * nothing for other methods.
 */
export function readsOption(stages: NetworkStages, kind: Kind, options: OptionValues, option: string): boolean {
  const isOfShKd =
    Object.hasOwn(stages['distill-student-head'].options, option) &&
    !Object.hasOwn(stages.distill.options, option) &&
    !Object.hasOwn(stages.teacher.options, option);
  if (kind === 'distill' && options.method !== 'sh-kd' && isOfShKd) return false;
  return Object.hasOwn(optionsOf([stages[kind]]), option);
}
