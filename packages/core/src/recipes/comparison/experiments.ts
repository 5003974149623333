/** The experiments that hold networks of a package against one another: `compare`, in one process, and `sweep`, in many. */
import { basename, join, relative, resolve } from 'node:path';
import { optionsOf } from '../../experiment/arguments';
import {
  defineExperiment,
  type Overrides,
  type PlannedStage,
  type RunContext,
  type Workspace,
} from '../../experiment/define';
import { flagName, integer, list, type Options, oneOf, optional, repeatable, text } from '../../experiment/option';
import { resolveAll } from '../../experiment/settings';
import { type Axis, type AxisWords, axesOf, combinations } from '../../experiment/sweep/axes';
import { planSweep, type SweptRun } from '../../experiment/sweep/plan-sweep';
import { failed, processOptions, runApart } from '../../experiment/sweep/run-apart';
import { UserError } from '../../system/user-error';
import type { Task } from '../../train/task';
import { methodOptions } from '../method-options';
import type { NetworkResult } from '../network-stages';
import { studentOptions, teacherOptions, trainingOptions } from '../training-options';
import type { RecordedRequest } from './compare-recorded';
import { type Kind, kindOf, kinds, type NetworkStages, readsOption, stageOf, titleOf } from './kinds';
import { type ReportedDomain, reportTrainings, type Training } from './report-trainings';
import type { ComparisonResult } from './write-report';

const defaultMethods = ['l2e', 'th-kd', 'sh-kd'];
const methodsToCompare = list(methodOptions.method, { default: defaultMethods, help: 'methods to compare' });
const recordedRuns = {
  ...optional(
    list(text({ default: 'run', help: '' }), {
      default: [],
      help: 'runs to compare instead, as they are: folders, keys, ids in MLflow, or the beginnings of these',
    }),
  ),
  names: 'folder' as const,
};
// MLflow's client is loaded only where it may be asked: --help does without.
const recorded = () => import('./compare-recorded');

async function requestOf(words: readonly string[], { signal, ...place }: Workspace): Promise<RecordedRequest> {
  const { destinationOf } = await import('../../tracking/sync/destination');
  return { ...place, words, connect: () => destinationOf().connect(signal) };
}

const seeds = integer({ default: 5, min: 1, help: 'how many seeds, counted up from --seed' });

export function comparisonExperiments(
  domain: ReportedDomain & {
    readonly taskOf: (options: unknown) => Task | Promise<Task>;
    /** Lines under tables: what the numbers are. */
    readonly notes: (options: unknown) => readonly string[];
  },
  stages: NetworkStages,
  dataOptions: Options,
) {
  const { profiles, label } = domain;

  const compare = defineExperiment({
    summary: 'Student alone, distilled by each method, and teachers side by side over several seeds',
    uses: { ...stages },
    reports: true,
    options: { ...dataOptions, seed: trainingOptions.seed, seeds, methods: methodsToCompare, runs: recordedRuns },
    profiles,
    check({ runs }, { given }) {
      if (runs === undefined) return;
      const others = Object.keys(given).filter((name) => name !== 'runs' && given[name] !== undefined);
      if (others.length > 0) {
        throw new UserError(`--runs compares runs as they are: leave out ${others.map(flagName).join(', ')}`);
      }
    },
    async preflight({ runs }, place) {
      if (runs !== undefined) await (await recorded()).findTrainings(await requestOf(runs, place));
    },
    async run(context) {
      const { methods, runs: words, ...rest } = context.options;
      if (words !== undefined) return compareRecorded(words, context);
      const axes: readonly Axis[] = [{ option: 'method', values: methods }];
      const runs = await planned('distill', axes, rest, context);
      for (const { stage, given, seed } of runs) await context.stage(stage.experiment, { ...given[0], seed });
      return report(runs, axes, context);
    },
  });

  const sweep = defineExperiment({
    summary: `Train ${label}s under several options and seeds, in processes side by side, and report them`,
    uses: { ...stages },
    reports: true,
    options: {
      experiment: oneOf(kinds, 'distill', {
        help: 'what is run with each combination of the values',
      }),
      seed: trainingOptions.seed,
      seeds,
      methods: {
        ...optional(methodsToCompare),
        help: `methods to compare; default for distill: ${defaultMethods.join(',')}`,
      },
      students: optional(list(studentOptions.student, { help: 'students to compare' })),
      teachers: optional(list(teacherOptions.teacher, { help: 'teachers to compare' })),
      sweep: repeatable(
        text({ help: 'any other option and its values: --sweep=learning-rate=0.05,0.1; may be given several times' }),
      ),
      ...processOptions,
    },
    profiles,
    check(options, { profile, given }) {
      const experiment = stageOf(stages, options.experiment);
      const axes = sweptAxes(options, given);
      for (const { option } of axes) {
        if (!Object.hasOwn(given, option)) continue;
        throw new UserError(`${flagName(option)} is swept; give its values at one place`);
      }
      for (const values of combinations(axes)) resolveAll(experiment, { profile, given: { ...given, ...values } });
    },
    async run(context) {
      const { options, folder, tracker } = context;
      const axes = sweptAxes(options, context.given);
      const runs = await planned(options.experiment, axes, options, context);
      const failures = await runApart(runs, options, context);
      if (failures.length === runs.length) throw failed(failures, runs.length);
      const result = await report(runs, axes, context);
      if (failures.length === 0) return result;
      // A run that fails leaves nothing else with its record.
      for (const file of result.files ?? []) tracker.artifact(join(folder, file));
      throw failed(failures, runs.length, relative(process.cwd(), join(folder, 'report.html')));
    },
  });

  function sweptAxes(options: AxisWords & { readonly experiment: Kind }, given: Overrides): readonly Axis[] {
    const { experiment, methods, students, teachers, sweep: others } = options;
    const isSwept = others.some((axis) => axis.startsWith('method='));
    const byDefault =
      experiment === 'distill' && !Object.hasOwn(given, 'method') && !isSwept ? defaultMethods : undefined;
    // What a profile lists is for those that read it.
    const read = optionsOf([stageOf(stages, experiment)]);
    const meant = <T>(list: string, option: string, values: T): T | undefined =>
      Object.hasOwn(given, list) || Object.hasOwn(read, option) ? values : undefined;
    const words = {
      methods: meant('methods', 'method', methods) ?? byDefault,
      students: meant('students', 'student', students),
      teachers: meant('teachers', 'teacher', teachers),
      sweep: others,
    };
    return axesOf(words, stageOf(stages, experiment), experiment);
  }

  function planned(
    experiment: Kind,
    axes: readonly Axis[],
    { seed: first, seeds: count }: { readonly seed: number; readonly seeds: number },
    { plan }: Pick<RunContext<unknown>, 'plan'>,
  ): Promise<readonly SweptRun[]> {
    return planSweep({
      axes,
      seeds: Array.from({ length: count }, (_, i) => first + i),
      titleOf: (stage) => titleOf(kindOf(stages, stage.experiment), stage.options),
      reads: (stage, option) => readsOption(stages, kindOf(stages, stage.experiment), stage.options, option),
      async stagesOf(given) {
        const asked = await plan(stageOf(stages, experiment), given);
        if (experiment !== 'distill') return [asked];
        const alone = await plan(stages.student, given);
        // SH-KD's stages are experiments of their own, which `distill` would run within one process.
        if (asked.options.method === 'sh-kd') {
          return [await plan(stages.distillStudentHead, given), await plan(stages.teacher, given), alone];
        }
        // Its own options would make the same training of another method one more run each.
        const read = Object.entries(given).filter(([option]) => readsOption(stages, 'distill', asked.options, option));
        return [await plan(stages.distill, Object.fromEntries(read)), alone];
      },
    });
  }

  /** The rows that each row is held against: the student alone, and the first of what is compared. */
  function baselinesOf(runs: readonly SweptRun[], axes: readonly Axis[]): ReadonlyMap<string, readonly string[]> {
    const wanted = runs.filter((run) => run.wanted);
    const rows = new Map(wanted.flatMap(({ given, row }) => given.map((one) => [JSON.stringify(one), row])));
    const alone = new Map(
      runs.filter(({ stage }) => stage.experiment === stages.student).map((run) => [run.stage.key, run.row]),
    );
    const [axis] = axes;
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

  /** Reports what has finished. @throws UserError when nothing has */
  async function report(
    runs: readonly SweptRun[],
    axes: readonly Axis[],
    { folder }: Pick<RunContext<unknown>, 'folder'>,
  ): Promise<ComparisonResult> {
    return reportTrainings(domain, {
      trainings: await finishedOf(runs),
      baselines: baselinesOf(runs, axes),
      notes: domain.notes(runs[0]?.stage.options),
      folder,
    });
  }

  async function finishedOf(runs: readonly SweptRun[]): Promise<readonly Training[]> {
    const byKey = new Map(runs.map((run) => [run.stage.key, run]));
    const trainings: Training[] = [];
    for (const { name, seed, stage, beside } of runs) {
      const finished = await stage.finished();
      if (!finished) continue;
      const kind = kindOf(stages, stage.experiment);
      const teacher = beside.map((key) => byKey.get(key)?.stage).find((it) => it?.experiment === stages.teacher);
      const isRelated = kind === 'student' && teacher !== undefined && (await teacher.finished()) !== undefined;
      trainings.push({
        name,
        seed,
        kind,
        options: stage.options,
        // Sound because the stages of `stages` are all there is, and each of them ends with this.
        finished: { ...finished, result: finished.result as NetworkResult },
        folder: stage.folder,
        ...(isRelated && { related: await related(teacher, stage) }),
      });
    }
    return trainings;
  }

  async function compareRecorded(
    words: readonly string[],
    { folder, signal }: Pick<RunContext<unknown>, 'folder' | 'signal'>,
  ): Promise<ComparisonResult> {
    // <root>/runs/<package>/<experiment>/<key>
    const place = { package: basename(resolve(folder, '../..')), root: resolve(folder, '../../../..'), signal };
    const request = await requestOf(words, place);
    const { recordedTrainings } = await recorded();
    const { trainings, baselines, isOfOneData } = await recordedTrainings(request, stages, Object.keys(dataOptions));
    const { charts, ...others } = domain;
    // The package's pictures are of data that all networks were judged on.
    const reported = isOfOneData && charts ? { ...others, charts } : others;
    return reportTrainings(reported, { trainings, baselines, notes: domain.notes(trainings[0]?.options), folder });
  }

  /** How a student that was trained alone goes together with the teacher of its seed. */
  async function related(teacher: PlannedStage, student: PlannedStage) {
    const task = await domain.taskOf(student.options);
    try {
      return task.compareWithTeacher(teacher.folder, student.folder);
    } finally {
      await task.close();
    }
  }

  return { compare, sweep };
}
