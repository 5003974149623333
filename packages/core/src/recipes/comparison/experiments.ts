/** `sweep` trains networks under several option values and seeds; `compare` reports networks that are trained already. */
import { basename, join, relative, resolve, sep } from 'node:path';
import { optionsOf } from '../../experiment/arguments';
import { defineExperiment, type Overrides, type RunContext, type Settings } from '../../experiment/define';
import type { Options, Values } from '../../experiment/option';
import { flagName, group, integer, list, oneOf, optional, repeatable, text } from '../../experiment/option';
import { resolveAll } from '../../experiment/settings';
import { type Axis, axesOf, combinations } from '../../experiment/sweep/axes';
import type { SweptRun } from '../../experiment/sweep/plan-sweep';
import { failed, processOptions, runApart } from '../../experiment/sweep/run-apart';
import { type Shard, shardOf, shardOption, shardText } from '../../experiment/sweep/shard';
import { UserError } from '../../system/user-error';
import { methodOptions } from '../distillation-options';
import type { Domain } from '../domain';
import { studentOptions, teacherOptions, trainingOptions } from '../training-options';
import { bestRun } from './best-run';
import type { ComparedRun } from './compared-run';
import { kinds, type NetworkStages } from './kinds';
import { checkMethodOptions, withOwnMethodOptions } from './own-method-options';
import { type ComparisonResult, reportTrainings } from './report';
import { partOf, partText } from './shard-trainings';
import { sweepRecord } from './sweep-record';
import { finishedTrainings, planTrainings, sweepBaselines } from './swept-trainings';

const defaultMethods = ['l2e', 'th-kd', 'sh-kd'];

const sweepOptions = group('Sweep', {
  experiment: oneOf(kinds, 'distill', { help: 'run' }),
  seed: trainingOptions.seed,
  seeds: integer({ default: 5, min: 1, help: 'number of seeds, counted from --seed' }),
  methods: optional(
    list(methodOptions.method, { default: defaultMethods, help: 'methods to compare' }),
    `${defaultMethods.join(',')} for distill`,
  ),
  students: optional(list(studentOptions.student, { help: 'students to compare' }), '--student'),
  teachers: optional(list(teacherOptions.teacher, { help: 'teachers to compare' }), '--teacher'),
  sweep: repeatable(text({ help: 'another option and its values, such as learning-rate=0.05,0.1; repeatable' })),
  ...processOptions,
  shard: shardOption,
});

const compareOptions = group('Comparison', {
  runs: {
    ...optional(
      list(text({ help: '' }), {
        default: [],
        help: 'finished runs or sweeps: folders, keys, MLflow ids or their beginnings',
      }),
      'train, as sweep',
    ),
    names: 'folder',
  },
  register: optional(
    text({ placeholder: 'NAME', help: "register the best student's model in MLflow under this name" }),
    'none',
  ),
});

type SweepValues = Values<typeof sweepOptions>;

export function comparisonExperiments(domain: Domain<Options>, stages: NetworkStages) {
  const { profiles, label, dataOptions } = domain;

  const sweep = defineExperiment({
    summary: `Train ${label}s under several options and seeds, in processes side by side, and report them`,
    uses: stages,
    reports: true,
    options: sweepOptions,
    profiles,
    check: checkSweep,
    run: runSweep,
  });

  const compare = defineExperiment({
    summary: `Report finished ${label}s side by side (--runs=...); without --runs, the same as sweep`,
    uses: stages,
    reports: true,
    options: { ...compareOptions, ...sweepOptions },
    profiles,
    check(options, settings) {
      if (options.register !== undefined && shardOf(options.shard) !== undefined) {
        throw new UserError('--register: a shard ranks no networks; give it to `compare --runs=` of all shards');
      }
      if (options.runs === undefined) return checkSweep(options, settings);
      const { given } = settings;
      const others = Object.keys(given).filter(
        (name) => !['runs', 'register'].includes(name) && given[name] !== undefined,
      );
      if (others.length > 0) {
        throw new UserError(`--runs compares finished runs: leave out ${others.map(flagName).join(', ')}`);
      }
    },
    async preflight({ runs }, place) {
      if (runs !== undefined) await (await recorded()).findTrainings(runs, place);
    },
    async run(context) {
      const { runs, register } = context.options;
      const result = runs === undefined ? await runSweep(context) : await compareRecorded(runs, context);
      if (register === undefined) return result;
      const { registerRun } = await import('../../tracking/sync/register-run');
      const [metric] = domain.chartMetrics;
      const best = bestRun(result.runs.filter(isStudent), metric);
      if (!best) throw new UserError(`--register=${register}: no student was compared by ${metric}`, 1);
      const line = await registerRun(best, register, context.signal);
      return { ...result, summary: [result.summary, line].filter(Boolean).join('\n\n') };
    },
  });

  return { compare, sweep };

  function checkSweep(options: SweepValues, { profile, given }: Settings): void {
    const axes = axesIn(options, given);
    for (const { option } of axes) {
      if (Object.hasOwn(given, option))
        throw new UserError(`${flagName(option)} is swept; give its values at one place`);
    }
    const experiment = stages[options.experiment];
    checkMethodOptions(axes, given);
    for (const values of combinations(axes)) {
      resolveAll(experiment, { profile, given: { ...given, ...withOwnMethodOptions(values, given) } });
    }
  }

  async function runSweep(context: RunContext<SweepValues>): Promise<ComparisonResult> {
    const { options, folder, tracker } = context;
    const axes = axesIn(options, context.given);
    const runs = await planTrainings(stages, axes, options, (stage, values) =>
      context.plan(stage, withOwnMethodOptions(values ?? {}, context.given)),
    );
    // Before hours of training: networks that a method cannot compare, which do not depend on the seed.
    const oneSeed = new Map(runs.filter(({ wanted }) => wanted).map(({ row, stage }) => [row, stage]));
    for (const { experiment, options } of oneSeed.values()) experiment.rehearse(options);
    const baselines = sweepBaselines(stages, runs, axes);
    const shard = shardOf(options.shard);
    if (shard) return runShard(runs, baselines, shard, context);
    const failures = await runApart(runs, options, context);
    if (failures.length === runs.length) throw failed(failures, runs.length);
    const trainings = await finishedTrainings(stages, runs, domain.taskOf);
    const result = await reportTrainings(domain, { trainings, baselines, folder });
    if (failures.length === 0) return { ...result, sweep: sweepRecord(runs, trainings, baselines, undefined) };
    // A run that fails records no files itself.
    for (const file of result.files ?? []) tracker.artifact(join(folder, file));
    throw failed(failures, runs.length, relative(process.cwd(), join(folder, 'report.html')));
  }

  /** Makes no table: that of some of the trainings could be taken for the sweep's. */
  async function runShard(
    runs: readonly SweptRun[],
    baselines: ReadonlyMap<string, readonly string[]>,
    shard: Shard,
    context: RunContext<SweepValues>,
  ): Promise<ComparisonResult> {
    const part = await partOf(runs, shard, stages, domain.imageSize);
    const text = partText(part, shard, runs.length);
    context.log(text);
    const failures = await runApart(part.trained, context.options, context);
    if (failures.length > 0) throw failed(failures, part.trained.length);
    const own = new Set(part.own.map(({ stage }) => stage.key));
    const trained = await finishedTrainings(stages, part.trained, domain.taskOf);
    const trainings = trained.filter(({ finished }) => own.has(finished.key));
    const command = await tableCommand(context, shard.count);
    return {
      runs: [],
      sweep: sweepRecord(runs, trainings, baselines, shardText(shard)),
      metrics: { trainings: trainings.length },
      summary: `${text}.\nWhen all shards have finished, this makes the table:\n${command}`,
    };
  }

  /** The command for the table of all shards: every machine knows the keys of the others' shards. */
  async function tableCommand({ folder, plan }: RunContext<SweepValues>, shards: number): Promise<string> {
    const [, packageName, name] = resolve(folder).split(sep).slice(-4);
    const experiment = name === 'compare' ? compare : sweep;
    const keys: string[] = [];
    for (let index = 1; index <= shards; index++) {
      keys.push((await plan(experiment, { shard: shardText({ index, count: shards }) })).key);
    }
    return `npx nx run ${packageName}:compare --runs=${keys.join(',')}`;
  }

  /** The options that a sweep varies. */
  function axesIn(options: SweepValues, given: Overrides): readonly Axis[] {
    const stage = stages[options.experiment];
    const read = optionsOf([stage]);
    // A profile may list values of an option that this experiment does not read; the command line may not.
    const values = <T>(name: string, option: string, listed: T): T | undefined =>
      Object.hasOwn(given, name) || Object.hasOwn(read, option) ? listed : undefined;
    const hasMethod = Object.hasOwn(given, 'method') || options.sweep.some((axis) => axis.startsWith('method='));
    const otherwise = options.experiment === 'distill' && !hasMethod ? defaultMethods : undefined;
    const words = {
      methods: values('methods', 'method', options.methods) ?? otherwise,
      students: values('students', 'student', options.students),
      teachers: values('teachers', 'teacher', options.teachers),
      sweep: options.sweep,
    };
    return axesOf(words, stage, options.experiment);
  }

  async function compareRecorded(
    words: readonly string[],
    { folder, signal }: Pick<RunContext<unknown>, 'folder' | 'signal'>,
  ): Promise<ComparisonResult> {
    // <root>/runs/<package>/<experiment>/<key>
    const place = { package: basename(resolve(folder, '../..')), root: resolve(folder, '../../../..'), signal };
    const { recordedTrainings } = await recorded();
    const names = Object.keys(dataOptions);
    const { trainings, baselines, notes, isOfOneData } = await recordedTrainings(words, place, stages, names);
    // The package's charts need data that all networks were evaluated on.
    const charts = isOfOneData ? domain.charts : undefined;
    return reportTrainings({ ...domain, charts }, { trainings, baselines, notes, folder });
  }
}

/** Whether a row is no teacher's. */
const isStudent = ({ row }: ComparedRun): boolean => !row.startsWith('teacher');

/** Loads MLflow's client only where it may be needed: `--help` does without. */
const recorded = () => import('./compare-recorded');
