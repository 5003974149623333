/** The training loop: epochs of steps, evaluation, checkpoints. */
import { join } from 'node:path';
import { tellTrained } from '../cluster/worker-process';
import { repeatOf } from '../data/loading/augmented-copies';
import { batchCount, batches, type Waiting } from '../data/loading/batches';
import type { Network } from '../nn/network';
import type { Program } from '../runtime/program';
import type { NamedValues, StateVariable } from '../runtime/state';
import { makeProgress, type Progress } from '../system/progress';
import { UserError } from '../system/user-error';
import type { Training } from './build';
import { checkpointFiles, type NetworkMetadata, writeCheckpoint } from './checkpoint';
import type { Metrics } from './evaluation/metrics';
import { choosingMetric } from './evaluation/task';
import { makeSchedule } from './optimiser/schedule';
import { averageDecay } from './optimiser/weight-average';
import { type Position, readResumePoint, saveResumePoint } from './resume-point';
import type { NetworkTraining, Outcome, TrainingSettings } from './settings';
import type { TrainingStep } from './step';
import { type Throughput, throughput } from './throughput';
import { type Course, type Group, goOn } from './workers/group';

/** Training proper, or the phase that some methods have before it. */
export interface Phase {
  /** Prefixes metrics and names the checkpoint; absent for training proper. */
  readonly name?: 'pretraining';
  readonly settings: TrainingSettings;
  readonly step: TrainingStep;
  /** The network whose weights are the result: the trained one, or its moving average. */
  readonly network: Network;
  /** Whether a variable belongs in the checkpoint: weights, momenta, averages; not a frozen teacher. */
  readonly isTrained: (entry: StateVariable) => boolean;
  /** Absent: nothing is evaluated, and no network is saved. */
  readonly evaluate?: () => Promise<Metrics>;
}

interface Job {
  readonly program: Program;
  readonly options: NetworkTraining;
  readonly training: Training;
  readonly phase: Phase;
  readonly group: Group;
  readonly label: string;
  readonly progress: Progress;
}

/** A training as it goes on in this process. */
interface Run extends Job {
  readonly course: Course;
  readonly perEpoch: number;
  readonly rates: Readonly<Record<'whole' | 'ofEpoch' | 'ofSteps', Throughput>>;
  /** How long the epoch's steps waited for images. */
  waiting: Waiting;
  /** When the last checkpoint was written, by performance.now(). */
  saved: number;
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
): Promise<Outcome> {
  const label = phase.name === undefined ? options.role : `${options.role}, ${phase.name}`;
  const progress = makeProgress(label);
  try {
    return await runEpochs({ program, options, training, phase, group, label, progress });
  } finally {
    progress.clear();
  }
}

async function runEpochs(job: Job): Promise<Outcome> {
  const { options, phase, group } = job;
  const { batchSize, epochs } = phase.settings;
  const images = options.task.train.labels.length;
  const perEpoch = batchCount(images, { batchSize, lastBatch: 'drop' });
  if (perEpoch === 0) throw new UserError(`--batchSize ${batchSize} is more than the ${images} training images.`);
  const course: Course = { position: resume(job) ?? { epoch: 0, batch: 0, step: 0, sums: {} } };
  const rates = { whole: throughput(), ofEpoch: throughput(), ofSteps: throughput() };
  const waiting = { waited: 0, total: 0 };
  const run: Run = { ...job, course, perEpoch, rates, waiting, saved: performance.now(), compiled: false };
  await persist(run, async () => {
    while (course.position.epoch < epochs) {
      await runSteps(run);
      await endEpoch(run);
    }
    course.last ??= (await phase.evaluate?.()) ?? {};
    await group.confirm();
  });
  const { position, last = {} } = course;
  const { metrics: best, epoch: bestEpoch } = position.best ?? { metrics: last, epoch: position.epoch };
  const { trainLoss } = position;
  return { last, best, bestEpoch, trainLoss, imagesPerSecond: rates.whole.take().images_per_second ?? 0 };
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
    if (signal.aborted && error === signal.reason) await save(run, course.position, trained(run, course.position));
    throw error;
  }
}

/** The steps of the epoch that are left. */
async function runSteps(run: Run): Promise<void> {
  const { options, training, phase, group, progress, course, perEpoch, rates } = run;
  const { task, signal } = options;
  const { batchSize, accumulate, epochs, seed, emaDecay, emaWarmUp, checkpointMinutes } = phase.settings;
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
    signal.throwIfAborted();
    group.requireStill();
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
    if (position.batch < perEpoch && performance.now() - run.saved >= checkpointMinutes * 60_000) {
      await save(run, position, trained(run, position));
      ended = performance.now();
    }
  }
  signal.throwIfAborted();
  progress.clear();
}

/** Evaluates, reports and saves. The position moves on only when home has saved: until then the epoch's end can be repeated. */
async function endEpoch(run: Run): Promise<void> {
  const { options, phase, group, label, course, perEpoch, rates } = run;
  const { task, log } = options;
  const { epochs, evaluateEvery } = phase.settings;
  const { epoch, step, sums, best: before } = course.position;
  const tensors = trained(run, course.position);
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
  if (last && improved) saveNetwork(run, checkpointFiles.best, epoch + 1, last);
  if (last) saveNetwork(run, checkpointFiles.last, epoch + 1, last);
  await save(run, position, tensors);
  await group.confirm();
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

function diverged({ step, epoch }: Position, what: string): UserError {
  return new UserError(
    `${what} at step ${step} of epoch ${epoch + 1}. Lower --learning-rate, or bound the gradients with --clip-norm; the last good checkpoint is kept.`,
    1,
  );
}

/** The variables for a checkpoint. @throws UserError when one has values that are not finite */
function trained({ program, phase }: Job, position: Position): ReadonlyMap<string, NamedValues> {
  program.pull();
  const tensors = program.state.values(phase.isTrained);
  for (const [name, { values }] of tensors) {
    if (!values.every(Number.isFinite)) throw diverged(position, `The values of ${name} are no longer numbers`);
  }
  return tensors;
}

const trainingFile = ({ options, phase }: Job): string =>
  join(options.folder, phase.name === undefined ? checkpointFiles.training : `${phase.name}.safetensors`);

function resume(job: Job): Position | undefined {
  const { program, options, phase, label } = job;
  const file = trainingFile(job);
  const found = readResumePoint(file, (line) => options.log(`${label}: ${line}`));
  if (!found) return undefined;
  program.state.load(found.tensors, file, phase.isTrained);
  program.push();
  return found.metadata;
}

async function save(run: Run, position: Position, tensors: ReadonlyMap<string, NamedValues>): Promise<void> {
  if (!run.group.isHome) return;
  // The metrics of the steps before the checkpoint must be on the disk: a resumed run does not log them again.
  await run.options.tracker.flush();
  saveResumePoint(trainingFile(run), position, tensors);
  run.saved = performance.now();
}

function saveNetwork({ options, phase, group }: Job, file: string, epoch: number, metrics: Metrics): void {
  if (!group.isHome) return;
  const { network } = phase;
  const metadata: NetworkMetadata = { network: network.description, epoch, metrics };
  writeCheckpoint(join(options.folder, file), { tensors: network.weights(), metadata });
}
