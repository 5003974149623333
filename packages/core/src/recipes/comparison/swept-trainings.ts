/** The trainings of a sweep: planned, and collected when they have finished. */
import type { FinishedRun, PlannedStage, RunContext } from '../../experiment/define';
import type { Options } from '../../experiment/option';
import type { Axis } from '../../experiment/sweep/axes';
import { planSweep, type SweptRun } from '../../experiment/sweep/plan-sweep';
import type { Domain } from '../domain';
import type { NetworkResult } from '../network-stages';
import { type Kind, kindOf, type NetworkStages, readsOption, titleOf } from './kinds';
import type { Training } from './training';

/** Plans an experiment for all values and seeds; a distilled student is compared with a student and a teacher alone. */
export function planTrainings(
  stages: NetworkStages,
  axes: readonly Axis[],
  { experiment, seed: first, seeds }: { readonly experiment: Kind; readonly seed: number; readonly seeds: number },
  plan: RunContext<unknown>['plan'],
): Promise<readonly SweptRun[]> {
  return planSweep({
    axes,
    seeds: Array.from({ length: seeds }, (_, i) => first + i),
    titleOf: (stage) => titleOf(kindOf(stages, stage.experiment), stage.options),
    reads: (stage, option) => readsOption(stages, kindOf(stages, stage.experiment), stage.options, option),
    async stagesOf(given) {
      const asked = await plan(stages[experiment], given);
      if (experiment !== 'distill') return [asked];
      const alone = await plan(stages.student, given);
      // SH-KD's stages are experiments of their own, which `distill` would run within one process.
      if (asked.options.method === 'sh-kd') {
        return [await plan(stages['distill-student-head'], given), await plan(stages.teacher, given), alone];
      }
      // Options of other methods would make several runs of the same training.
      const read = Object.entries(given).filter(([option]) => readsOption(stages, 'distill', asked.options, option));
      return [await plan(stages.distill, Object.fromEntries(read)), alone];
    },
  });
}

/** The baselines of each row: the student alone under the same options, and the first value of the first axis. */
export function sweepBaselines(
  stages: NetworkStages,
  runs: readonly SweptRun[],
  [axis]: readonly Axis[],
): ReadonlyMap<string, readonly string[]> {
  const wanted = runs.filter((run) => run.wanted);
  const rows = new Map(wanted.flatMap(({ given, row }) => given.map((one) => [JSON.stringify(one), row])));
  const students = runs.filter(({ stage }) => stage.experiment === stages.student);
  const alone = new Map(students.map(({ stage, row }) => [stage.key, row]));
  return new Map(
    wanted.map(({ row, given, beside }) => {
      const firsts = axis
        ? given.flatMap((one) => rows.get(JSON.stringify({ ...one, [axis.option]: axis.values[0] })) ?? [])
        : [];
      const others = [...beside.flatMap((key) => alone.get(key) ?? []), ...firsts];
      return [row, [...new Set(others)].filter((other) => other !== row)];
    }),
  );
}

/** The finished trainings of a sweep; a student that was trained alone is compared with the teacher of its seed. */
export async function finishedTrainings(
  stages: NetworkStages,
  runs: readonly SweptRun[],
  taskOf: Domain<Options>['taskOf'],
): Promise<readonly Training[]> {
  const trainings: Training[] = [];
  for (const run of runs) {
    const { name, seed, stage } = run;
    const { experiment, options, folder } = stage;
    // Sound because all stages are of `stages`, whose results are of this type.
    const finished = (await stage.finished()) as FinishedRun<NetworkResult> | undefined;
    if (!finished) continue;
    const teacher = teacherBeside(stages, runs, run)?.stage;
    const besideTeacher =
      experiment === stages.student && teacher && (await teacher.finished())
        ? await comparedWith(teacher, stage, taskOf)
        : {};
    trainings.push({ name, seed, kind: kindOf(stages, experiment), options, finished, folder, besideTeacher });
  }
  return trainings;
}

/** The teacher of a training's combination and seed. */
export const teacherBeside = (
  stages: NetworkStages,
  runs: readonly SweptRun[],
  { beside }: Pick<SweptRun, 'beside'>,
): SweptRun | undefined => runs.find(({ stage }) => stage.experiment === stages.teacher && beside.includes(stage.key));

async function comparedWith(teacher: PlannedStage, student: PlannedStage, taskOf: Domain<Options>['taskOf']) {
  const task = await taskOf(student.options);
  try {
    return task.compareWithTeacher(teacher.folder, student.folder);
  } finally {
    await task.close();
  }
}
