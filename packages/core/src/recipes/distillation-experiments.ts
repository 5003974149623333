/**
 * The experiments that every package has, over its own data: student and teacher alone, distillation, SH-KD's stages.
 * A package's `experiments/` holds a file for each, which is what makes it an Nx target.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMethod } from '../distill/parse-method';
import { defineExperiment, type RunContext } from '../experiment/define';
import type { Options, Values } from '../experiment/option';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import type { Metrics } from '../train/metrics';
import { requireMixable } from '../train/mixing';
import type { MetricColumn } from './comparison/compared-run';
import { comparisonExperiments } from './comparison/experiments';
import type { ReportedDomain } from './comparison/report-trainings';
import { checkDistillation, methodOptions, studentHeadOptions } from './method-options';
import {
  type MethodDefaults,
  type NetworkResult,
  networkOf,
  type TaskOf,
  trainStudent,
  trainTeacher,
} from './network-stages';
import { checkTeacherCache, teacherCacheOptions } from './teacher-cache-options';
import {
  checkTeacher,
  checkTraining,
  studentOptions,
  type TrainingValues,
  teacherOptions,
  trainingOptions,
} from './training-options';

export interface DistillationDomain<D extends Options> extends ReportedDomain {
  readonly dataOptions: D;
  readonly taskOf: TaskOf<Values<D>>;
  readonly methodDefaults: MethodDefaults;
  /** Further columns of a comparison, of what `benchmark` measures: those that some network has. */
  readonly benchmarkColumns?: readonly MetricColumn[];
  /** Lines under tables: what the numbers are. */
  readonly notes: (options: Values<D>) => readonly string[];
  /**
   * What is measured of finished networks beyond their task, as a stage ends: a benchmark that takes long. A run that
   * fails in it goes on with it.
   */
  readonly benchmark?: (
    context: RunContext<Values<D> & TrainingValues>,
    networks: FinishedNetworks,
  ) => Promise<BenchmarkResult | undefined>;
}

/** Networks as tables name them, and the folders of their stages. */
export interface FinishedNetworks {
  /** In the order of a table's rows; the last one is the stage's own. */
  readonly folders: Readonly<Record<string, string>>;
  /** The one of `folders` that taught the last one. */
  readonly teacher?: string;
}

export interface BenchmarkResult {
  /** Of the stage's own network. */
  readonly metrics: Metrics;
  /** Written into the stage's folder. */
  readonly files: readonly string[];
  /** A table for the terminal. */
  readonly summary: string;
}

/** SH-KD's teacher, as tables name it. */
const underHead = "teacher, student's head";

export function distillationExperiments<const D extends Options>(domain: DistillationDomain<D>) {
  const { label, dataOptions, profiles, methodDefaults, columns, benchmarkColumns = [] } = domain;
  // The options of each experiment below include the data's; TypeScript does not see that through the spread of D.
  const taskOf = domain.taskOf as TaskOf<unknown>;
  const notes = domain.notes as (options: unknown) => readonly string[];
  const data = dataOptions as Options;

  const student = defineExperiment({
    summary: `Train the small ${label} alone`,
    options: { ...data, ...trainingOptions, ...studentOptions },
    profiles,
    check: checkTraining,
    run: async (context) =>
      withBenchmark(context, await trainStudent(context, taskOf), { folders: { student: context.folder } }),
  });

  const teacher = defineExperiment({
    summary: `Train the large ${label}`,
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: async (context) =>
      withBenchmark(context, await trainTeacher(context, taskOf), { folders: { teacher: context.folder } }),
  });

  const teacherStudentHead = defineExperiment({
    summary: `SH-KD's second stage: train the large ${label} under the small one's frozen head`,
    needs: { student },
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: async (context) => {
      const { folder } = await context.stage(student);
      const result = await trainTeacher(context, taskOf, { from: networkOf(folder), use: 'frozen' });
      return withBenchmark(context, result, { folders: { 'student alone': folder, [underHead]: context.folder } });
    },
  });

  const distillStudentHead = defineExperiment({
    summary: `SH-KD's last stage: distil a new small ${label} from the teacher under the first one's head`,
    needs: { student, teacherStudentHead },
    options: { ...data, ...trainingOptions, ...studentOptions, ...studentHeadOptions, ...teacherCacheOptions },
    profiles,
    check(values) {
      checkTraining(values);
      // Its weights are checked when it runs: `distill` reaches this one too, and may mean them for other methods.
      const { name } = parseMethod({
        methods: values.shMethod,
        hyper: values.shMethodOptions,
        options: { methods: '--sh-method', hyper: '--sh-method-options' },
      });
      checkTeacherCache(values, name);
    },
    run: async (context) => {
      const { shMethod, shMethodOptions: hyper, studentHead } = context.options;
      // Before its stages, which take their time; in `check` it would be asked of methods that are not sh-kd as well.
      requireMixable(context.options, parseMethod({ methods: shMethod, hyper }));
      const first = await context.stage(student);
      const large = await context.stage(teacherStudentHead);
      const result = await trainStudent(context, taskOf, {
        taught: {
          method: shMethod,
          hyper,
          teacher: large.folder,
          weights: context.options,
          cache: context.options,
          methodDefaults,
        },
        ...(studentHead !== 'own' && { sharedHead: { from: networkOf(first.folder), use: studentHead } }),
      });
      const shown = summary(context.options, {
        'student alone': first.result,
        [underHead]: large.result,
        'student, sh-kd': result,
      });
      const folders = { 'student alone': first.folder, [underHead]: large.folder, 'student, sh-kd': context.folder };
      return withBenchmark(context, { ...result, summary: shown }, { folders, teacher: underHead });
    },
  });

  const distill = defineExperiment({
    summary: `Distil a small ${label} from a large one`,
    needs: { teacher },
    uses: { distillStudentHead, teacherStudentHead },
    options: { ...data, ...trainingOptions, ...studentOptions, ...methodOptions, ...teacherCacheOptions },
    profiles,
    check(values) {
      checkTraining(values);
      if (values.method !== 'sh-kd') checkTeacherCache(values, checkDistillation(values).name);
    },
    run: async (context) => {
      const { method, methodOptions: hyper } = context.options;
      const large = await context.stage(teacher);
      const name = `student, ${method}`;
      const shown = (small: NetworkResult) => summary(context.options, { teacher: large.result, [name]: small });
      // SH-KD is a teacher of another kind rather than another loss: its stages are experiments of their own.
      if (method === 'sh-kd') {
        const { result: small, folder } = await context.stage(distillStudentHead);
        // Whatever the method, the student lies in the folder of the run that was asked for.
        for (const file of small.files ?? []) copyFileSync(join(folder, file), join(context.folder, file));
        return { ...small, summary: [shown(small), small.appraisal].filter(Boolean).join('\n\n') };
      }
      const small = await trainStudent(context, taskOf, {
        taught: {
          method,
          hyper,
          teacher: large.folder,
          weights: context.options,
          cache: context.options,
          methodDefaults,
        },
      });
      const folders = { teacher: large.folder, [name]: context.folder };
      return withBenchmark(context, { ...small, summary: shown(small) }, { folders, teacher: 'teacher' });
    },
  });

  const stages = { student, teacher, teacherStudentHead, distillStudentHead, distill };
  const reported = { ...domain, columns: [...columns, ...benchmarkColumns], taskOf, notes };
  const comparisons = comparisonExperiments(reported, stages, data);

  /** A stage's result with what the package measures of finished networks. */
  async function withBenchmark(
    context: RunContext<TrainingValues>,
    result: NetworkResult,
    networks: FinishedNetworks,
  ): Promise<NetworkResult> {
    // As with `taskOf`: the experiments' options include the data's.
    const benchmark = domain.benchmark as DistillationDomain<Options>['benchmark'];
    const measured = await benchmark?.(context, networks);
    if (!measured) return result;
    const { metrics, files, summary: table } = measured;
    context.tracker.metrics(metrics, 0);
    return {
      ...result,
      metrics: { ...result.metrics, ...metrics },
      files: [...(result.files ?? []), ...files],
      summary: `${result.summary}\n\n${table}`,
      appraisal: table,
    };
  }

  function summary(options: unknown, networks: Readonly<Record<string, NetworkResult>>): string {
    const all = Object.entries(networks);
    const shown = columns.filter(({ metric }) => all.some(([, { metrics }]) => metrics[metric] !== undefined));
    const table: Table = {
      columns: [{ title: 'network' }, { title: 'parameters', digits: 0 }, ...shown],
      rows: all.map(([name, { metrics, parameters }]) => [
        name,
        parameters,
        ...shown.map(({ metric }) => metrics[metric]),
      ]),
      notes: notes(options),
    };
    return terminalTable(table);
  }

  return { ...stages, ...comparisons };
}
