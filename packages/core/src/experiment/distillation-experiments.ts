/**
 * The experiments that every package has, over its own data: student and teacher alone, distillation, SH-KD's stages.
 * A package's `experiments/` holds a file for each, which is what makes it an Nx target.
 */
import { parseObjective } from '../distill/parse-objective';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { requireMixable } from '../train/mixing';
import { comparisonExperiments, type ReportedDomain } from './comparison/experiments';
import { defineExperiment } from './define';
import { checkDistillation, methodOptions, studentHeadOptions } from './method-options';
import { type NetworkResult, networkOf, type Recipes, type TaskOf, trainStudent, trainTeacher } from './network-stages';
import type { Options, Values } from './option';
import { checkTeacherCache, teacherCacheOptions } from './teacher-cache-options';
import { checkTeacher, checkTraining, studentOptions, teacherOptions, trainingOptions } from './training-options';

export interface DistillationDomain<D extends Options> extends ReportedDomain {
  readonly dataOptions: D;
  readonly taskOf: TaskOf<Values<D>>;
  readonly recipes: Recipes;
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

  const stages = { student, teacher, teacherStudentHead, distillStudentHead, distill };
  const comparisons = comparisonExperiments({ ...domain, taskOf, notes }, stages, data);

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
