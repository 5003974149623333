/** The training loop: epochs of steps, evaluation, checkpoints. */
import { join } from 'node:path';
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
import { throughput } from './throughput';

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
  readonly label: string;
  readonly progress: Progress;
}

/**
 * Trains and evaluates, epoch by epoch. Writes into the folder `training.safetensors` (weights, averages, momenta and
 * position: everything that resuming needs) with its predecessor, `last.safetensors` and `best.safetensors` (the network
 * alone, or its average).
 * @throws UserError when the loss is no longer finite, or a checkpoint cannot be written
 * @throws the signal's reason once a checkpoint is saved, when it is aborted
 */
export async function train(
  program: Program,
  options: NetworkTraining,
  training: Training,
  phase: Phase,
): Promise<Outcome> {
  const label = phase.name === undefined ? options.role : `${options.role}, ${phase.name}`;
  const progress = makeProgress(label);
  try {
    return await runEpochs({ program, options, training, phase, label, progress });
  } finally {
    progress.clear();
  }
}

async function runEpochs(job: Job): Promise<Outcome> {
  const { options, training, phase, label, progress } = job;
  const { task, signal, tracker, log } = options;
  const { step, settings } = phase;
  const { batchSize, epochs, seed, emaDecay, emaWarmUp, evaluateEvery, checkpointMinutes } = settings;
  const dataset = task.train;
  const perEpoch = batchCount(dataset.labels.length, { batchSize, lastBatch: 'drop' });
  if (perEpoch === 0) {
    throw new UserError(`--batchSize ${batchSize} is more than the ${dataset.labels.length} training images.`);
  }
  const schedule = makeSchedule(settings);
  let position = resume(job) ?? { epoch: 0, batch: 0, step: 0, sums: {} };
  if (position.step > 0) log(`${label}: resuming after step ${position.step} (epoch ${position.epoch + 1})`);
  let last: Metrics | undefined;
  const logEvery = stepsBetweenPoints(epochs * perEpoch);
  const rates = { whole: throughput(), ofEpoch: throughput(), ofSteps: throughput() };
  let compiled = false;
  let saved = performance.now();
  const save = async (at: Position, tensors: ReadonlyMap<string, NamedValues>): Promise<void> => {
    // The metrics of the steps before the checkpoint must be on the disk: a resumed run does not log them again.
    await tracker.flush();
    saveResumePoint(trainingFile(job), at, tensors);
    saved = performance.now();
  };

  while (position.epoch < epochs) {
    const { epoch, batch: from } = position;
    const waiting: Waiting = { waited: 0, total: 0 };
    let ended = performance.now();
    const epochBatches = batches(dataset, {
      batchSize,
      seed,
      epoch,
      shuffle: true,
      lastBatch: 'drop',
      from,
      waiting,
      augment: true,
      repeat: repeatOf(training.copies),
      ...(training.cache && { embeddings: training.cache.read }),
    });
    for await (const batch of epochBatches) {
      const learningRate = schedule(epoch + position.batch / perEpoch);
      const averageShare = 1 - averageDecay(emaDecay, position.step, emaWarmUp);
      const { terms, watched } = await step(batch, { learningRate, averageShare, step: position.step });
      position = { ...position, batch: position.batch + 1, step: position.step + 1, sums: add(position.sums, terms) };
      if (!Number.isFinite(terms.loss)) {
        const values = Object.entries(terms).map(([name, value]) => `${name} ${value}`);
        const at = `(${values.join(', ')}; learning rate ${learningRate})`;
        throw diverged(position, `The loss is no longer a number ${at}`);
      }
      const now = performance.now();
      // The first step includes the compilation.
      if (compiled) for (const rate of Object.values(rates)) rate.count(batchSize, (now - ended) / 1000);
      compiled = true;
      ended = now;
      if (position.step % logEvery === 0) {
        // Over few steps the rate would be noise.
        const rate = rates.ofSteps.steps() >= 100 ? rates.ofSteps.take() : {};
        const values = { ...terms, ...watched, learning_rate: learningRate, ...rate };
        tracker.metrics(prefixed(metricPrefix(phase, 'step'), values), position.step);
      }
      progress.update({
        done: position.step * batchSize,
        total: epochs * perEpoch * batchSize,
        unit: 'images',
        text: `epoch ${epoch + 1}/${epochs}, loss ${(terms.loss ?? 0).toFixed(3)}`,
      });
      const isDue = position.batch < perEpoch && performance.now() - saved >= checkpointMinutes * 60_000;
      if (signal.aborted || isDue) {
        await save(position, trained(job, position));
        ended = performance.now();
      }
      signal.throwIfAborted();
    }

    const tensors = trained(job, position);
    const means = Object.fromEntries(Object.entries(position.sums).map(([name, sum]) => [name, sum / perEpoch]));
    const due = (epoch + 1) % evaluateEvery === 0 || epoch + 1 === epochs;
    last = due ? await phase.evaluate?.() : undefined;
    const improved = last !== undefined && improves(last, position.best?.metrics, choosingMetric(task));
    const best = last !== undefined && improved ? { metrics: last, epoch: epoch + 1 } : position.best;
    const { step: steps } = position;
    position = { epoch: epoch + 1, batch: 0, step: steps, sums: {}, trainLoss: means.loss, ...(best && { best }) };
    const dataWaitShare = waiting.waited / (waiting.total || 1);
    const ofTraining = { ...means, data_wait_share: dataWaitShare, ...rates.ofEpoch.take() };
    const ofEpoch = phase.name === undefined ? { ...last, epoch: epoch + 1 } : {};
    tracker.metrics({ ...prefixed(metricPrefix(phase, 'train'), ofTraining), ...ofEpoch }, position.step);
    progress.clear();
    const evaluated = last ? describe(last, options) : '';
    log(`${label}: epoch ${epoch + 1}/${epochs}, loss ${(means.loss ?? 0).toFixed(3)}${evaluated}`);
    if (last && improved) saveNetwork(job, checkpointFiles.best, epoch + 1, last);
    if (last) saveNetwork(job, checkpointFiles.last, epoch + 1, last);
    await save(position, tensors);
  }
  last ??= (await phase.evaluate?.()) ?? {};
  const { metrics: best, epoch: bestEpoch } = position.best ?? { metrics: last, epoch: position.epoch };
  const { trainLoss } = position;
  return { last, best, bestEpoch, trainLoss, imagesPerSecond: rates.whole.take().images_per_second ?? 0 };
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

function saveNetwork({ options, phase }: Job, file: string, epoch: number, metrics: Metrics): void {
  const { network } = phase;
  const metadata: NetworkMetadata = { network: network.description, epoch, metrics };
  writeCheckpoint(join(options.folder, file), { tensors: network.weights(), metadata });
}
