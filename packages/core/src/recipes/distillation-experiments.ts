/**
 * The experiments of every package, over its own data: student and teacher alone, distillation, the stages of SH-KD, and
 * their comparison. A file in a package's `experiments/` exports each of them, which makes it an Nx target.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { LeftToHome, ownPart } from '../cluster/stage-workers';
import { parseMethod } from '../distill/parse-method';
import { defineExperiment, type RunContext } from '../experiment/define';
import type { Options, Values } from '../experiment/option';
import { resolveAll } from '../experiment/settings';
import { terminalTable } from '../report/terminal-table';
import { requireMixable } from '../train/mixing';
import { checkSharedDistillation } from '../train/shard-refusals';
import { tryMethod } from '../train/try-method';
import { mainColumn } from './comparison/compared-run';
import { comparisonExperiments } from './comparison/experiments';
import {
  cachedTeacher,
  checkDistillation,
  checkTeacherCache,
  distillationFrom,
  methodOptions,
  methodWeightsFrom,
  studentHeadOptions,
  teacherCacheOptions,
} from './distillation-options';
import { type Domain, declareDomain, type FinishedNetworks } from './domain';
import { headLines } from './head-limits';
import { type NetworkResult, networkFile, trainStudent, trainTeacher } from './network-stages';
import {
  checkOptions,
  checkTeacher,
  studentOptions,
  type TrainingValues,
  teacherOptions,
  trainingOptions,
} from './training-options';

/** The name of SH-KD's teacher in tables. */
const underHead = "teacher, student's head";

export function distillationExperiments<const D extends Options>(ofPackage: Domain<D>) {
  // The options of each experiment below include the data's; TypeScript does not see that through the spread of D.
  const domain = ofPackage as unknown as Domain<Options>;
  const { label, dataOptions: data, profiles, taskOf, imageSize, methodDefaults, columns } = domain;

  const student = defineExperiment({
    summary: `Train the small ${label} alone`,
    options: { ...data, ...trainingOptions, ...studentOptions },
    profiles,
    check: checkOptions,
    run: async (context) =>
      withBenchmark(context, trainStudent(context, taskOf), { folders: { student: ownFolder(context) } }),
  });

  const teacher = defineExperiment({
    summary: `Train the large ${label}`,
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: async (context) =>
      withBenchmark(context, trainTeacher(context, taskOf), { folders: { teacher: ownFolder(context) } }),
  });

  const teacherStudentHead = defineExperiment({
    summary: `SH-KD's second stage: train the large ${label} under the small one's frozen head`,
    needs: { student },
    options: { ...data, ...trainingOptions, ...teacherOptions },
    profiles,
    check: checkTeacher,
    run: async (context) => {
      const { folder } = await context.stage(student);
      const train = async () => {
        const result = await trainTeacher(context, taskOf, { from: networkFile(folder), use: 'frozen' });
        for (const line of linesOn(result, await ownHead(context))) context.log(line);
        return result;
      };
      return withBenchmark(context, train(), {
        folders: { 'student alone': folder, [underHead]: ownFolder(context) },
      });
    },
  });

  const distillStudentHead = defineExperiment({
    summary: `SH-KD's last stage: distil a new small ${label} from the teacher under the first one's head`,
    needs: { student, teacherStudentHead },
    options: { ...data, ...trainingOptions, ...studentOptions, ...studentHeadOptions, ...teacherCacheOptions },
    profiles,
    check(values) {
      checkOptions(values);
      const method = parseMethod(shMethodChoice(values));
      requireMixable(values, method);
      checkTeacherCache(values, method.name);
      if (values.shardClasses) checkSharedDistillation({ method, ...cachedTeacher(values) });
    },
    run: async (context) => {
      const { options } = context;
      const first = await context.stage(student);
      const large = await context.stage(teacherStudentHead);
      const method = parseMethod({ ...shMethodChoice(options), methodDefaults });
      const train = async () => {
        const small = await trainStudent(context, taskOf, {
          sharedHead:
            options.studentHead === 'own' ? undefined : { from: networkFile(first.folder), use: options.studentHead },
          ...distillationFrom(options, method, networkFile(large.folder)),
        });
        const networks = { 'student alone': first.result, [underHead]: large.result, 'student, sh-kd': small };
        const notes = linesOn(large.result, await ownHead(context));
        return { ...small, summary: summary(options, networks, notes) };
      };
      const folders = {
        'student alone': first.folder,
        [underHead]: large.folder,
        'student, sh-kd': ownFolder(context),
      };
      return withBenchmark(context, train(), { folders, teacher: underHead });
    },
  });

  const distill = defineExperiment({
    summary: `Distil a small ${label} from a large one`,
    needs: { teacher },
    uses: { distillStudentHead, teacherStudentHead },
    options: { ...data, ...trainingOptions, ...studentOptions, ...methodOptions, ...teacherCacheOptions },
    profiles,
    check(values, settings) {
      checkOptions(values);
      // SH-KD's stages run under the same options, for this method alone.
      if (values.method === 'sh-kd') {
        resolveAll(distillStudentHead, settings);
        return;
      }
      const method = checkDistillation(values);
      checkTeacherCache(values, method.name);
      const { predictionShare } = values;
      if (values.shardClasses) checkSharedDistillation({ method, predictionShare, ...cachedTeacher(values) });
    },
    rehearse(all) {
      const values = all as Values<
        typeof methodOptions & typeof trainingOptions & typeof studentOptions & typeof teacherOptions
      >;
      // Only the file of an external teacher determines its network.
      if (values.method === 'sh-kd' || values.teacherWeights !== undefined) return;
      const { head, scale, embeddingSize } = values;
      const both = { head, scale, embeddingSize, inputSize: imageSize(all as Values<D>), classes: 4 };
      tryMethod(checkDistillation(values), {
        student: { ...both, backbone: values.student, width: values.studentWidth },
        teacher: { ...both, backbone: values.teacher, width: values.teacherWidth },
      });
    },
    run: async (context) => {
      const { options, folder } = context;
      const { method: methods, methodOptions: hyper } = options;
      const large = await context.stage(teacher);
      const name = `student, ${methods}`;
      const tableOf = (small: NetworkResult, notes: readonly string[] = []) =>
        summary(options, { teacher: large.result, [name]: small }, notes);
      // SH-KD is another way to train the teacher rather than another loss: it has its own experiments.
      if (methods === 'sh-kd') {
        const { result: small, folder: from } = await context.stage(distillStudentHead);
        // For every method the student is in the folder of this run.
        for (const file of small.files ?? []) copyFileSync(join(from, file), join(folder, file));
        const underOther = await (await context.plan(teacherStudentHead)).finished();
        const table = tableOf(small, underOther && linesOn(underOther.result, large.result));
        return { ...small, summary: [table, small.appraisal].filter(Boolean).join('\n\n') };
      }
      const method = parseMethod({ methods, hyper, given: methodWeightsFrom(options), methodDefaults });
      const train = async () => {
        const small = await trainStudent(context, taskOf, distillationFrom(options, method, networkFile(large.folder)));
        return { ...small, summary: tableOf(small) };
      };
      const folders = { teacher: large.folder, [name]: ownFolder(context) };
      return withBenchmark(context, train(), { folders, teacher: 'teacher' });
    },
  });

  /**
   * The result of the same teacher under its own head, if it has finished. SH-KD's stages do not need it, and it changes
   * nothing in them, so that it is no part of their keys.
   */
  const ownHead = async ({ plan }: Pick<RunContext<unknown>, 'plan'>): Promise<NetworkResult | undefined> =>
    (await (await plan(teacher)).finished())?.result;

  const linesOn = (shared: NetworkResult, own: NetworkResult | undefined): readonly string[] =>
    headLines([{ shared, own }], mainColumn(domain));

  /** The folder of a stage's own network, in home and in other workers. */
  const ownFolder = ({ folder, workers }: Pick<RunContext<unknown>, 'folder' | 'workers'>): string =>
    workers?.folder ?? folder;

  /**
   * Adds the package's benchmark to a stage's result.
   * @throws LeftToHome in a worker that is not home, after its part of both
   */
  async function withBenchmark(
    context: RunContext<TrainingValues>,
    training: Promise<NetworkResult>,
    networks: FinishedNetworks,
  ): Promise<NetworkResult> {
    const result = await ownPart(training);
    const measured = await domain.benchmark?.(context, networks);
    if (!result) throw new LeftToHome();
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

  function summary(
    options: Values<Options>,
    networks: Readonly<Record<string, NetworkResult>>,
    notes: readonly string[] = [],
  ): string {
    const all = Object.entries(networks);
    const present = columns.filter(({ metric }) => all.some(([, { metrics }]) => metrics[metric] !== undefined));
    return terminalTable({
      columns: [{ title: 'network' }, { title: 'parameters', digits: 0 }, ...present],
      rows: all.map(([name, { metrics, parameters }]) => [
        name,
        parameters,
        ...present.map(({ metric }) => metrics[metric]),
      ]),
      notes: [...domain.notes(options), ...notes],
    });
  }

  const stages = {
    student,
    teacher,
    'teacher-student-head': teacherStudentHead,
    'distill-student-head': distillStudentHead,
    distill,
  };
  declareDomain(Object.values(stages), domain);
  return {
    student,
    teacher,
    teacherStudentHead,
    distillStudentHead,
    distill,
    ...comparisonExperiments(domain, stages),
  };
}

/** The methods of SH-KD's last stage, as `parseMethod` reads them. */
const shMethodChoice = (values: Values<typeof studentHeadOptions>) => ({
  methods: values.shMethod,
  hyper: values.shMethodOptions,
  given: methodWeightsFrom(values),
  options: { methods: '--sh-method', hyper: '--sh-method-options' },
});
