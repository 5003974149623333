/** The training loop: epochs of steps, evaluation, checkpoints. */
import { tellTrained } from '../cluster/worker-process';
import { repeatOf } from '../data/loading/augmented-copies';
import { batchCount, batches, type Waiting } from '../data/loading/batches';
import type { Program } from '../runtime/program';
import type { GivenValues } from '../runtime/stored-values';
import { makeProgress } from '../system/progress';
import { UserError } from '../system/user-error';
import type { Training } from './build';
import { checkpointFiles } from './checkpoint';
import type { Metrics } from './evaluation/metrics';
import { choosingMetric, type WriteFiles } from './evaluation/task';
import { makeSchedule } from './optimiser/schedule';
import { averageDecay } from './optimiser/weight-average';
import {
  diverged,
  type Job,
  type Phase,
  type RunToSave,
  resume,
  save,
  saveAt,
  saveNetwork,
  withTrained,
} from './run-files';
import type { NetworkTraining, Outcome } from './settings';
import { type Throughput, throughput } from './throughput';
import { ClassesDealtAnew, type Course, type Group, goOn } from './workers/group';

export interface Trained extends Outcome {
  /** See `Task`'s `finish`. */
  readonly writeFiles: WriteFiles | undefined;
}

/** A training as it goes on in this process. */
interface Run extends RunToSave {
  readonly course: Course;
  readonly perEpoch: number;
  readonly rates: Readonly<Record<'whole' | 'ofEpoch' | 'ofSteps', Throughput>>;
  /** How long the epoch's steps waited for images. */
  waiting: Waiting;
  /** Whether the first step, which includes the compilation, is over. */
  compiled: boolean;
}

/**
 * Trains and evaluates, epoch by epoch. Writes into the folder `training.safetensors` (weights, averages, momenta and
 * position: everything that resuming needs) with its predecessor, `last.safetensors` and `best.safetensors` (the network
 * alone, or its average). With several workers, home alone writes.
 * @throws UserError when the loss is no longer finite, or a checkpoint cannot be written
 * @throws the signal's reason once a checkpoint is saved, when it is aborted
 */
export async function train(
  program: Program,
  options: NetworkTraining,
  training: Training,
  phase: Phase,
  group: Group,
): Promise<Trained> {
  const label = phase.name === undefined ? options.role : `${options.role}, ${phase.name}`;
  const progress = makeProgress(label);
  try {
    return await runEpochs({ program, options, training, phase, group, label, progress });
  } finally {
    progress.clear();
  }
}

async function runEpochs(job: Job): Promise<Trained> {
  const { options, phase, group } = job;
  const { batchSize, epochs } = phase.settings;
  const images = options.task.train.labels.length;
  const perEpoch = batchCount(images, { batchSize, lastBatch: 'drop' });
  if (perEpoch === 0) throw new UserError(`--batchSize ${batchSize} is more than the ${images} training images.`);
  const found = resume(job);
  const course: Course = { position: found?.metadata ?? { epoch: 0, batch: 0, step: 0, sums: {} } };
  await group.shared?.deal(found?.tables);
  const rates = { whole: throughput(), ofEpoch: throughput(), ofSteps: throughput() };
  const waiting = { waited: 0, total: 0 };
  const run: Run = { ...job, course, perEpoch, rates, waiting, saved: performance.now(), compiled: false };
  let writeFiles: WriteFiles | undefined;
  await persist(run, async () => {
    while (course.position.epoch < epochs) {
      await runSteps(run);
      await endEpoch(run);
    }
    await group.requireHome();
    course.last ??= (await phase.evaluate?.()) ?? {};
    writeFiles = await phase.finish?.();
    await group.confirm(options.task.train);
  });
  const { position, last = {} } = course;
  const { metrics: best, epoch: bestEpoch } = position.best ?? { metrics: last, epoch: position.epoch };
  const { trainLoss } = position;
  const imagesPerSecond = rates.whole.take().images_per_second ?? 0;
  return { last, best, bestEpoch, trainLoss, imagesPerSecond, writeFiles };
}

/** Does the work, again from where the workers meet whenever some of them were lost; saves when it is stopped. */
async function persist(run: Run, work: () => Promise<void>): Promise<void> {
  const { phase, group, course, options, label } = run;
  const { signal, log } = options;
  let begun = false;
  try {
    await goOn(signal, async () => {
      await group.meet(course);
      const { step, epoch } = course.position;
      if (!begun && step > 0) log(`${label}: resuming after step ${step} (epoch ${epoch + 1})`);
      if (begun) await phase.step.reset();
      begun = true;
      await work();
    });
  } catch (error) {
    // The state is that of the position: a step that was cut short has changed nothing.
    if (signal.aborted && error === signal.reason && !group.shared) await saveAt(run, course.position);
    throw error;
  }
}

/** The steps of the epoch that are left. */
async function runSteps(run: Run): Promise<void> {
  const { options, training, phase, group, progress, course, perEpoch, rates } = run;
  const { task, signal } = options;
  const { batchSize, accumulate, epochs, seed, emaDecay, emaWarmUp } = phase.settings;
  const schedule = makeSchedule(phase.settings);
  const logEvery = stepsBetweenPoints(epochs * perEpoch);
  const { epoch, batch: from } = course.position;
  const slices = group.slices();
  const sliceImages = batchSize / accumulate;
  run.waiting = { waited: 0, total: 0 };
  const epochBatches = batches(task.train, {
    batchSize,
    seed,
    epoch,
    shuffle: true,
    lastBatch: 'drop',
    from,
    waiting: run.waiting,
    augment: true,
    repeat: repeatOf(training.copies),
    ...(slices && { rows: { from: slices.from * sliceImages, end: slices.to * sliceImages } }),
    ...(training.cache && { embeddings: training.cache.read }),
  });
  let ended = performance.now();
  for await (const batch of epochBatches) {
    await goesOn(run);
    const before = course.position;
    const learningRate = schedule(epoch + before.batch / perEpoch);
    const averageShare = 1 - averageDecay(emaDecay, before.step, emaWarmUp);
    const part = slices ? { ...batch, slices } : batch;
    const { terms, watched } = await phase.step(part, { learningRate, averageShare, step: before.step });
    const position = { ...before, batch: before.batch + 1, step: before.step + 1, sums: add(before.sums, terms) };
    course.position = position;
    tellTrained();
    if (!Number.isFinite(terms.loss)) {
      const values = Object.entries(terms).map(([name, value]) => `${name} ${value}`);
      throw diverged(position, `The loss is no longer a number (${values.join(', ')}; learning rate ${learningRate})`);
    }
    const now = performance.now();
    if (run.compiled) for (const rate of Object.values(rates)) rate.count(batchSize, (now - ended) / 1000);
    run.compiled = true;
    ended = now;
    if (position.step % logEvery === 0) {
      // Over few steps the rate would be noise.
      const rate = rates.ofSteps.steps() >= 100 ? rates.ofSteps.take() : {};
      const values = { ...terms, ...watched, learning_rate: learningRate, ...rate };
      group.track(prefixed(metricPrefix(phase, 'step'), values), position.step);
    }
    progress.update({
      done: position.step * batchSize,
      total: epochs * perEpoch * batchSize,
      unit: 'images',
      text: `epoch ${epoch + 1}/${epochs}, loss ${(terms.loss ?? 0).toFixed(3)}`,
    });
    if (!group.shared && position.batch < perEpoch && isSaveDue(run)) {
      await saveAt(run, position);
      ended = performance.now();
    }
  }
  // With shared classes all end together, before the next step.
  if (!group.shared) signal.throwIfAborted();
  progress.clear();
}

const isSaveDue = ({ phase, saved }: Run): boolean =>
  performance.now() - saved >= phase.settings.checkpointMinutes * 60_000;

/**
 * Before each step. With shared classes all save together what is due, also before they end or meet: each has a part.
 * @throws the signal's reason, LostPeers or ClassesDealtAnew when there is no further step
 */
async function goesOn(run: Run): Promise<void> {
  const { group, options, course } = run;
  const { signal } = options;
  if (!group.shared) {
    signal.throwIfAborted();
    group.requireStill();
    return;
  }
  const { batch } = course.position;
  const { save, stop, change } = await group.shared.agree({ save: batch > 0 && isSaveDue(run), stop: signal.aborted });
  if (save || stop || change) await saveAt(run, course.position);
  signal.throwIfAborted();
  if (stop || change) throw new ClassesDealtAnew();
}

/** Evaluates, reports and saves. The position moves on only when home has saved: until then the epoch's end can be repeated. */
async function endEpoch(run: Run): Promise<void> {
  const { course, group } = run;
  await group.requireHome();
  await withTrained(run, course.position, (tensors) => reportEpoch(run, tensors));
}

async function reportEpoch(run: Run, tensors: ReadonlyMap<string, GivenValues>): Promise<void> {
  const { options, phase, group, label, course, perEpoch, rates } = run;
  const { task, log } = options;
  const { epochs, evaluateEvery } = phase.settings;
  const { epoch, step, sums, best: before } = course.position;
  const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / perEpoch]));
  const due = (epoch + 1) % evaluateEvery === 0 || epoch + 1 === epochs;
  const last = due ? await phase.evaluate?.() : undefined;
  const improved = last !== undefined && improves(last, before?.metrics, choosingMetric(task));
  const best = last !== undefined && improved ? { metrics: last, epoch: epoch + 1 } : before;
  const position = { epoch: epoch + 1, batch: 0, step, sums: {}, trainLoss: means.loss, ...(best && { best }) };
  const dataWaitShare = run.waiting.waited / (run.waiting.total || 1);
  const ofTraining = { ...means, data_wait_share: dataWaitShare, ...rates.ofEpoch.take() };
  const ofEpoch = phase.name === undefined ? { ...last, epoch: epoch + 1 } : {};
  group.track({ ...prefixed(metricPrefix(phase, 'train'), ofTraining), ...ofEpoch }, step);
  const evaluated = last ? describe(last, options) : '';
  log(`${label}: epoch ${epoch + 1}/${epochs}, loss ${(means.loss ?? 0).toFixed(3)}${evaluated}`);
  const files = improved ? [checkpointFiles.best, checkpointFiles.last] : [checkpointFiles.last];
  if (last) for (const file of files) saveNetwork(run, file, { tensors, epoch: epoch + 1, metrics: last });
  await save(run, position, tensors);
  await group.confirm(task.train);
  course.position = position;
  course.last = last;
}

/** More points of one metric than any chart shows, and few enough for MLflow's database. */
const mostPoints = 10_000;

/** Trainings of more than 10,000 steps log every n-th step. */
export const stepsBetweenPoints = (steps: number): number => Math.max(1, Math.ceil(steps / mostPoints));

const metricPrefix = ({ name }: Phase, what: string): string => (name === undefined ? what : `${name}/${what}`);

const prefixed = (prefix: string, values: Metrics): Metrics =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));

function add(sums: Metrics, values: Metrics): Metrics {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (sums[name] ?? 0) + value]));
}

const improves = (metrics: Metrics, before: Metrics | undefined, by: string | undefined): boolean =>
  before === undefined || by === undefined || (metrics[by] ?? 0) > (before[by] ?? 0);

function describe(metrics: Metrics, { task }: NetworkTraining): string {
  const names = new Set([task.selectBy, choosingMetric(task) ?? task.selectBy]);
  return [...names].map((name) => `, ${name} ${(metrics[name] ?? Number.NaN).toFixed(4)}`).join('');
}
