/** The experiments that hold networks of a package against one another: `compare`, in one process, and `sweep`, in many. */
import type { TopLevelSpec } from 'vega-lite';
import type { NetworkDescription } from '../../nn/network';
import { UserError } from '../../runtime/user-error';
import type { Task } from '../../train/task';
import { defineExperiment, type Overrides, type PlannedStage, type RunContext, type Stage } from '../define';
import { methodOptions } from '../method-options';
import type { NetworkResult } from '../network-stages';
import { gathered, integer, list, type Options, oneOf, optional, text, written } from '../option';
import { resolveAll } from '../settings';
import { type Axis, type AxisWords, axesOf, combinations } from '../sweep/axes';
import { planSweep, type SweptRun } from '../sweep/plan-sweep';
import { processOptions, runApart, throwFailures } from '../sweep/run-apart';
import { studentOptions, teacherOptions, trainingOptions } from '../training-options';
import type { ComparedRun, MetricColumn } from './compared-run';
import { type ComparisonResult, writeReport } from './write-report';

/** How a package's networks are reported. */
export interface ReportedDomain {
  readonly noun: string;
  readonly profiles: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly columns: readonly MetricColumn[];
  /** Metrics that get a panel in a comparison's picture; differences are tested by the first. */
  readonly pictured: readonly [string, ...string[]];
  /** Numbers that were published. */
  readonly published?: {
    /** Of a network (`teacher`, `student alone`, or a method) under these options: a share of 1, by the first pictured metric. */
    readonly of: (network: string, options: Readonly<Record<string, unknown>>) => number | undefined;
    /** Where they are from. */
    readonly note: string;
  };
  /** Pictures that only these networks have, by file name without extension. @param options of the first run */
  readonly charts?: (
    runs: readonly ComparedRun[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<Readonly<Record<string, TopLevelSpec>>>;
}

/** The stages that networks come from. */
export interface NetworkStages {
  readonly student: Stage<NetworkResult>;
  readonly teacher: Stage<NetworkResult>;
  readonly teacherStudentHead: Stage<NetworkResult>;
  readonly distillStudentHead: Stage<NetworkResult>;
  readonly distill: Stage<NetworkResult>;
}

const stageNames = {
  distill: 'distill',
  student: 'student',
  teacher: 'teacher',
  'teacher-student-head': 'teacherStudentHead',
  'distill-student-head': 'distillStudentHead',
} as const;

const defaultMethods = ['l2e', 'th-kd', 'sh-kd'];
const methodsToCompare = list(methodOptions.method, { default: defaultMethods, help: 'methods to compare' });
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
  const { profiles, noun } = domain;

  const compare = defineExperiment({
    summary: 'Student alone, distilled by each method, and teachers side by side over several seeds',
    uses: { ...stages },
    reports: true,
    options: { ...dataOptions, seed: trainingOptions.seed, seeds, methods: methodsToCompare },
    profiles,
    async run(context) {
      const { methods, ...rest } = context.options;
      const axes: readonly Axis[] = [{ option: 'method', values: methods }];
      const runs = await planned('distill', axes, rest, context);
      for (const { stage, given, seed } of runs) await context.stage(stage.experiment, { ...given, seed });
      return report(runs, axes, context);
    },
  });

  const sweep = defineExperiment({
    summary: `Train ${noun}s under several options and seeds, in processes side by side, and report them`,
    uses: { ...stages },
    reports: true,
    options: {
      experiment: oneOf(Object.keys(stageNames) as (keyof typeof stageNames)[], 'distill', {
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
      sweep: gathered(
        text({ help: 'any other option and its values: --sweep=learning-rate=0.05,0.1; may be given several times' }),
      ),
      ...processOptions,
    },
    profiles,
    check(options, { profile, given }) {
      const experiment = stages[stageNames[options.experiment]];
      const axes = sweptAxes(options, given);
      for (const { option } of axes) {
        if (!Object.hasOwn(given, option)) continue;
        throw new UserError(`${written(option)} is swept; give its values at one place`);
      }
      for (const values of combinations(axes)) resolveAll(experiment, { profile, given: { ...given, ...values } });
    },
    async run(context) {
      const { options, folder, tracker } = context;
      const axes = sweptAxes(options, context.given);
      const runs = await planned(options.experiment, axes, options, context);
      const failures = await runApart(runs, options, context);
      const result = await report(runs, axes, context);
      if (failures.length > 0) {
        // A run that fails leaves nothing else with its record.
        for (const file of result?.files ?? []) tracker.artifact(`${folder}/${file}`);
        throwFailures(failures, runs.length);
      }
      return result;
    },
  });

  function sweptAxes(
    options: AxisWords & { readonly experiment: keyof typeof stageNames },
    given: Overrides,
  ): readonly Axis[] {
    const { experiment, methods, students, teachers, sweep: others } = options;
    const isSwept = others.some((axis) => axis.startsWith('method='));
    const byDefault =
      experiment === 'distill' && !Object.hasOwn(given, 'method') && !isSwept ? defaultMethods : undefined;
    const words = { methods: methods ?? byDefault, students, teachers, sweep: others };
    return axesOf(words, stages[stageNames[experiment]], experiment);
  }

  function planned(
    experiment: keyof typeof stageNames,
    axes: readonly Axis[],
    { seed: first, seeds: count }: { readonly seed: number; readonly seeds: number },
    { plan }: Pick<RunContext<unknown>, 'plan'>,
  ): Promise<readonly SweptRun[]> {
    return planSweep({
      axes,
      seeds: Array.from({ length: count }, (_, i) => first + i),
      titleOf,
      async stagesOf(given) {
        const wanted = await plan(stages[stageNames[experiment]], given);
        if (experiment !== 'distill') return [wanted];
        const alone = await plan(stages.student, given);
        // SH-KD's stages are experiments of their own, which `distill` would run within one process.
        if (wanted.options.method !== 'sh-kd') return [wanted, alone];
        return [await plan(stages.distillStudentHead, given), await plan(stages.teacher, given), alone];
      },
    });
  }

  function titleOf({ experiment, options }: PlannedStage): string {
    if (experiment === stages.teacher) return 'teacher';
    if (experiment === stages.teacherStudentHead) return "teacher, student's head";
    if (experiment === stages.student) return 'student alone';
    return experiment === stages.distillStudentHead ? 'sh-kd' : String(options.method);
  }

  /** The rows that each row is held against: the student alone, and the first of what is compared. */
  function baselinesOf(runs: readonly SweptRun[], axes: readonly Axis[]): ReadonlyMap<string, readonly string[]> {
    const rows = new Map(runs.filter(({ wanted }) => wanted).map(({ given, row }) => [JSON.stringify(given), row]));
    const alone = new Map(
      runs.filter(({ stage }) => stage.experiment === stages.student).map((run) => [run.stage.key, run.row]),
    );
    const [axis] = axes;
    return new Map(
      runs
        .filter(({ wanted }) => wanted)
        .map(({ row, given, beside }) => {
          const first = axis && rows.get(JSON.stringify({ ...given, [axis.option]: axis.values[0] }));
          const others = [...beside.flatMap((key) => alone.get(key) ?? []), ...(first === undefined ? [] : [first])];
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
    const [first] = runs;
    const compared = await comparedRuns(runs);
    if (first === undefined || compared.length === 0)
      throw new UserError('no training has finished: there is nothing to report', 1);
    const { measure } = await import('../../nn/measure');
    const sizes = new Map<string, number>();
    const multiplyAdds = (network: NetworkDescription): number => {
      const { backbone, inputSize, width, embeddingSize } = network;
      const key = JSON.stringify([backbone, inputSize, width, embeddingSize]);
      const known = sizes.get(key) ?? measure(backbone, { inputSize, width, embeddingSize }).multiplyAdds;
      sizes.set(key, known);
      return known;
    };
    const { columns, pictured, notes, published, charts } = domain;
    const layout = {
      title: noun,
      // The best epoch of the main metric has a column of its own.
      columns: columns.filter(
        ({ metric }) => !metric.startsWith('best/') && compared.some(({ metrics }) => metrics[metric] !== undefined),
      ),
      pictured,
      notes: [
        ...notes(first.stage.options),
        ...(compared.some((run) => run.published !== undefined) && published ? [published.note] : []),
      ],
      reference: 'teacher',
      baselines: baselinesOf(runs, axes),
      multiplyAdds,
      ...(charts && { charts: (those: readonly ComparedRun[]) => charts(those, first.stage.options) }),
    };
    return writeReport(compared, layout, folder);
  }

  async function comparedRuns(runs: readonly SweptRun[]): Promise<readonly ComparedRun[]> {
    const byKey = new Map(runs.map((run) => [run.stage.key, run]));
    const compared: ComparedRun[] = [];
    for (const run of [...runs].sort((a, b) => rank(a) - rank(b))) {
      const { row, seed, stage, beside } = run;
      const finished = await stage.finished();
      if (!finished) continue;
      // Sound because the stages of `stages` are all there is, and each of them ends with this.
      const result = finished.result as NetworkResult;
      const teacher = beside.map((key) => byKey.get(key)?.stage).find((it) => it?.experiment === stages.teacher);
      const relation =
        stage.experiment === stages.student && teacher && (await teacher.finished())
          ? await related(teacher, stage)
          : {};
      const theirs = domain.published?.of(titleOf(stage), stage.options);
      const { parameters, network, metrics, best, bestEpoch, selectedOn } = result;
      compared.push({
        row,
        seed,
        parameters,
        network,
        best,
        bestEpoch,
        selectedOn,
        folder: stage.folder,
        metrics: { ...metrics, ...relation },
        ...(finished.address !== undefined && { address: finished.address }),
        ...(theirs !== undefined && { published: theirs }),
      });
    }
    return compared;
  }

  /** How a student that was trained alone goes together with the teacher of its seed. */
  async function related(teacher: PlannedStage, student: PlannedStage) {
    const task = await domain.taskOf(student.options);
    try {
      return task.relate(teacher.folder, student.folder);
    } finally {
      await task.close();
    }
  }

  const order: readonly Stage[] = [stages.teacher, stages.teacherStudentHead, stages.student];
  const rank = ({ stage, wanted }: SweptRun): number => (wanted ? order.length : order.indexOf(stage.experiment));

  return { compare, sweep };
}
