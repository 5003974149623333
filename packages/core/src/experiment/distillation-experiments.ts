/**
 * The experiments that every package has, over its own data: student and teacher alone, distillation, SH-KD's stages.
 * A package's `experiments/` holds a file for each, which is what makes it an Nx target.
 */
import { parseObjective } from '../distill/parse-objective';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { requireMixable } from '../train/mixing';
import type { Metrics } from '../train/trainer';
import { type ComparedRun, type MetricColumn, reportComparison } from './compare-methods';
import { defineExperiment, type StageOutcome } from './define';
import { checkDistillation, methodOptions, studentHeadOptions } from './method-options';
import { type NetworkResult, networkOf, type Recipes, type TaskOf, trainStudent, trainTeacher } from './network-stages';
import { integer, list, type Options, type Values } from './option';
import { checkTeacherCache, teacherCacheOptions } from './teacher-cache-options';
import { checkTeacher, checkTraining, studentOptions, teacherOptions, trainingOptions } from './training-options';

export interface DistillationDomain<D extends Options> {
  /** What the networks are, in descriptions: 'face model'. */
  readonly noun: string;
  readonly dataOptions: D;
  readonly profiles: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly taskOf: TaskOf<Values<D>>;
  readonly recipes: Recipes;
  readonly columns: readonly MetricColumn[];
  /** Metrics that get a panel in a comparison's picture; differences are tested by the first. */
  readonly pictured: readonly [string, ...string[]];
  /** Lines under tables: what the numbers are. */
  readonly notes: (options: Values<D>) => readonly string[];
}

export function distillationExperiments<const D extends Options>(domain: DistillationDomain<D>) {
  const { noun, dataOptions, profiles, recipes, columns } = domain;
  // The options of each experiment below include the data's; TypeScript does not see that through the spread of D.
  const taskOf = domain.taskOf as TaskOf<unknown>;
  const notes = domain.notes as (options: unknown) => readonly string[];
  const data = dataOptions as Options;

  const student = defineExperiment({
    summary: `Train the small ${noun} alone`,
    options: { ...data, ...trainingOptions, ...studentOptions },
    profiles,
    check: checkTraining,
    run: (context) => trainStudent(context, taskOf),
  });

  const teacher = defineExperiment({
    summary: `Train the large ${noun}`,
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: (context) => trainTeacher(context, taskOf),
  });

  const teacherStudentHead = defineExperiment({
    summary: `SH-KD's second stage: train the large ${noun} under the small one's frozen head`,
    needs: { student },
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: async (context) => {
      const { folder } = await context.stage(student);
      return trainTeacher(context, taskOf, { from: networkOf(folder), use: 'frozen' });
    },
  });

  const distillStudentHead = defineExperiment({
    summary: `SH-KD's last stage: distil a new small ${noun} from the teacher under the first one's head`,
    needs: { student, teacherStudentHead },
    options: { ...data, ...trainingOptions, ...studentOptions, ...studentHeadOptions, ...teacherCacheOptions },
    profiles,
    check(values) {
      checkTraining(values);
      // Its weights are checked when it runs: `distill` reaches this one too, and may mean them for other methods.
      const { name } = parseObjective({
        methods: values.shMethod,
        hyper: values.shMethodOptions,
        options: { methods: '--sh-method', hyper: '--sh-method-options' },
      });
      checkTeacherCache(values, name);
    },
    run: async (context) => {
      const { shMethod, shMethodOptions: hyper, studentHead } = context.options;
      // Before its stages, which take their time; in `check` it would be asked of methods that are not sh-kd as well.
      requireMixable(context.options, parseObjective({ methods: shMethod, hyper }));
      const first = await context.stage(student);
      const large = await context.stage(teacherStudentHead);
      const result = await trainStudent(context, taskOf, {
        taught: {
          method: shMethod,
          hyper,
          teacher: large.folder,
          weights: context.options,
          cache: context.options,
          recipes,
        },
        ...(studentHead !== 'own' && { sharedHead: { from: networkOf(first.folder), use: studentHead } }),
      });
      return {
        ...result,
        summary: summary(context.options, {
          'student alone': first.result,
          "teacher, student's head": large.result,
          'student, sh-kd': result,
        }),
      };
    },
  });

  const distill = defineExperiment({
    summary: `Distil a small ${noun} from a large one`,
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
      // SH-KD is a teacher of another kind rather than another loss: its stages are experiments of their own.
      const small =
        method === 'sh-kd'
          ? (await context.stage(distillStudentHead)).result
          : await trainStudent(context, taskOf, {
              taught: {
                method,
                hyper,
                teacher: large.folder,
                weights: context.options,
                cache: context.options,
                recipes,
              },
            });
      return { ...small, summary: summary(context.options, { teacher: large.result, [`student, ${method}`]: small }) };
    },
  });

  const compare = defineExperiment({
    summary: `Student alone, distilled by each method, and teachers side by side over several seeds`,
    uses: { student, teacher, distill, teacherStudentHead, distillStudentHead },
    options: {
      ...data,
      seed: trainingOptions.seed,
      seeds: integer({ default: 5, min: 1, help: 'how many seeds, counted up from --seed' }),
      methods: list(methodOptions.method, { default: ['l2e', 'th-kd', 'sh-kd'], help: 'methods to compare' }),
    },
    profiles,
    run: async (context) => {
      const { seed: firstSeed, seeds, methods } = context.options;
      const runs: ComparedRun[] = [];
      const task = await taskOf(context.options);
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        context.log(`seed ${seed} (${seed - firstSeed + 1} of ${seeds})`);
        const add = (row: string, { result }: StageOutcome<NetworkResult>, more: Metrics = {}) =>
          runs.push({ row, seed, parameters: result.parameters, metrics: { ...result.metrics, ...more } });
        const large = await context.stage(teacher, { seed });
        const alone = await context.stage(student, { seed });
        add('teacher', large);
        if (methods.includes('sh-kd'))
          add("teacher, student's head", await context.stage(teacherStudentHead, { seed }));
        add('student alone', alone, task.relate(large.folder, alone.folder));
        for (const method of methods) {
          const taught =
            method === 'sh-kd'
              ? await context.stage(distillStudentHead, { seed })
              : await context.stage(distill, { seed, method });
          add(method, taught);
        }
      }
      await task.close();
      const baseline = (method: string) => ['student alone', ...(method === 'l2e' ? [] : ['l2e'])];
      return reportComparison(
        runs,
        {
          title: noun,
          columns: columns.filter(({ metric }) => runs.some(({ metrics }) => metrics[metric] !== undefined)),
          pictured: domain.pictured,
          notes: notes(context.options),
          reference: 'teacher',
          baselines: Object.fromEntries(methods.map((method) => [method, baseline(method)])),
        },
        context.folder,
      );
    },
  });

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

  return { student, teacher, teacherStudentHead, distillStudentHead, distill, compare };
}
