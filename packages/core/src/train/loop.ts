import { join } from 'node:path';
import type { ImageDataset } from '../data/dataset';
import { batchCount, batches, type ReadEmbeddings, type Waiting } from '../data/loading/batches';
import type { Network } from '../nn/network';
import type { Program } from '../runtime/program';
import type { NamedValues, StateVariable } from '../runtime/state';
import { makeProgress, type Progress } from '../system/progress';
import { UserError } from '../system/user-error';
import { checkpointFiles, type NetworkMetadata, writeCheckpoint } from './checkpoint';
import type { Metrics } from './metrics';
import { type Position, readResumePoint, saveResumePoint } from './resume-point';
import { makeSchedule } from './schedule';
import type { Outcome, RunSurroundings, TrainingSettings } from './settings';
import { stepsBetweenPoints } from './step-points';
import { throughput } from './throughput';
import type { TrainingStep } from './training-step';
import { averageDecay } from './weight-average';

export interface TrainingJob extends RunSurroundings {
  readonly label: string;
  readonly program: Program;
  readonly step: TrainingStep;
  readonly dataset: ImageDataset;
  /** After how many epochs the augmentation repeats; default 0: never. */
  readonly repeat?: number | undefined;
  /** Reads what the step is given of a batch's images besides the images. */
  readonly embeddings?: ReadEmbeddings | undefined;
  readonly settings: TrainingSettings;
  /** The network whose weights are the result: the one that is trained, or its average. */
  readonly network: Network;
  /** What training moves and going on needs: the network, momenta, projectors, averages; not a frozen teacher. */
  readonly isTrained: (entry: StateVariable) => boolean;
  /** Left out: nothing is measured, and nothing kept but what going on needs. */
  readonly evaluate?: () => Promise<Metrics>;
  /** The metric, larger is better, that tells networks apart. */
  readonly selectBy: string;
  /** The one by which `best` is chosen; undefined: the last epoch is the best. */
  readonly chooseBy: string | undefined;
  /** A phase before training proper: its metrics and its checkpoint are called after it. */
  readonly phase?: string;
}

/**
 * Trains, evaluating after every epoch. Files in the folder: `training.safetensors` (weights, their averages, momenta,
 * position: what going on needs) and the one before it, `last.safetensors` and `best.safetensors` (the network alone, or
 * its average).
 * @throws UserError when the loss is no longer a number, or a checkpoint cannot be written
 * @throws the signal's reason once a checkpoint is saved, when it is aborted
 */
export async function train(job: TrainingJob): Promise<Outcome> {
  const progress = makeProgress(job.label);
  try {
    return await trainWith(job, progress);
  } finally {
    progress.clear();
  }
}

async function trainWith(job: TrainingJob, progress: Progress): Promise<Outcome> {
  const { step, dataset, repeat, embeddings, settings, signal, tracker, label, log } = job;
  const { batchSize, epochs, seed } = settings;
  const perEpoch = batchCount(dataset.labels.length, { batchSize, lastBatch: 'drop' });
  if (perEpoch === 0) {
    throw new UserError(`--batchSize ${batchSize} is more than the ${dataset.labels.length} training images.`);
  }
  const schedule = makeSchedule(settings);
  let position = resume(job) ?? { epoch: 0, batch: 0, step: 0, sums: {} };
  if (position.step > 0) log(`${label}: going on after step ${position.step} (epoch ${position.epoch + 1})`);
  let last: Metrics | undefined;
  const every = stepsBetweenPoints(epochs * perEpoch);
  const rates = { whole: throughput(), ofEpoch: throughput(), ofSteps: throughput() };
  let compiled = false;
  let saved = performance.now();
  const save = async (at: Position, tensors: ReadonlyMap<string, NamedValues>): Promise<void> => {
    // Going on from a step whose metrics a crash has swallowed, nobody would tell them again.
    await tracker.flush();
    saveResumePoint(trainingFile(job), at, tensors);
    saved = performance.now();
  };

  while (position.epoch < epochs) {
    const { epoch, batch: from } = position;
    const waiting: Waiting = { waited: 0, total: 0 };
    const shown = { augment: true, repeat, embeddings } as const;
    let ended = performance.now();
    const order = { batchSize, seed, epoch, shuffle: true, lastBatch: 'drop', from, waiting, ...shown } as const;
    for await (const batch of batches(dataset, order)) {
      const learningRate = schedule(epoch + position.batch / perEpoch);
      const averageShare = 1 - averageDecay(settings.emaDecay, position.step, settings.emaWarmUp);
      const { terms, watched } = await step(batch, { learningRate, averageShare, step: position.step });
      position = { ...position, batch: position.batch + 1, step: position.step + 1, sums: add(position.sums, terms) };
      if (!Number.isFinite(terms.loss)) {
        const values = Object.entries(terms).map(([name, value]) => `${name} ${value}`);
        const at = `(${values.join(', ')}; learning rate ${learningRate})`;
        throw diverged(position, `The loss is no longer a number ${at}`);
      }
      const now = performance.now();
      // A program's first step includes its compilation.
      if (compiled) for (const rate of Object.values(rates)) rate.count(batchSize, (now - ended) / 1000);
      compiled = true;
      ended = now;
      if (position.step % every === 0) {
        // Of few steps it would be noise.
        const rate = rates.ofSteps.steps() >= 100 ? rates.ofSteps.take() : {};
        const told = { ...terms, ...watched, learning_rate: learningRate, ...rate };
        tracker.metrics(prefixed(named(job, 'step'), told), position.step);
      }
      progress.update({
        done: position.step * batchSize,
        total: epochs * perEpoch * batchSize,
        unit: 'images',
        text: `epoch ${epoch + 1}/${epochs}, loss ${(terms.loss ?? 0).toFixed(3)}`,
      });
      const isDue = position.batch < perEpoch && performance.now() - saved >= settings.checkpointMinutes * 60_000;
      if (signal.aborted || isDue) {
        await save(position, trained(job, position));
        ended = performance.now();
      }
      signal.throwIfAborted();
    }
    const tensors = trained(job, position);
    const means = Object.fromEntries(Object.entries(position.sums).map(([name, sum]) => [name, sum / perEpoch]));
    const due = (epoch + 1) % settings.evaluateEvery === 0 || epoch + 1 === epochs;
    last = due ? await job.evaluate?.() : undefined;
    const improved = last !== undefined && improves(last, position.best?.metrics, job.chooseBy);
    const best = last !== undefined && improved ? { metrics: last, epoch: epoch + 1 } : position.best;
    position = { epoch: epoch + 1, batch: 0, step: position.step, sums: {}, ...(best && { best }) };
    const ofEpoch = job.phase === undefined ? { ...last, epoch: epoch + 1 } : {};
    const dataWaitShare = waiting.waited / (waiting.total || 1);
    const ofTraining = { ...means, data_wait_share: dataWaitShare, ...rates.ofEpoch.take() };
    tracker.metrics({ ...prefixed(named(job, 'train'), ofTraining), ...ofEpoch }, position.step);
    progress.clear();
    const judged = last ? describe(last, job) : '';
    log(`${label}: epoch ${epoch + 1}/${epochs}, loss ${(means.loss ?? 0).toFixed(3)}${judged}`);
    if (last && improved) saveNetwork(job, checkpointFiles.best, epoch + 1, last);
    if (last) saveNetwork(job, checkpointFiles.last, epoch + 1, last);
    await save(position, tensors);
  }
  last ??= (await job.evaluate?.()) ?? {};
  const { metrics: best, epoch: bestEpoch } = position.best ?? { metrics: last, epoch: position.epoch };
  return { last, best, bestEpoch, imagesPerSecond: rates.whole.take().images_per_second ?? 0 };
}

const named = ({ phase }: TrainingJob, what: string): string => (phase === undefined ? what : `${phase}/${what}`);

const prefixed = (prefix: string, values: Metrics): Metrics =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));

function add(sums: Metrics, values: Metrics): Metrics {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (sums[name] ?? 0) + value]));
}

const improves = (metrics: Metrics, before: Metrics | undefined, by: string | undefined): boolean =>
  before === undefined || by === undefined || (metrics[by] ?? 0) > (before[by] ?? 0);

const describe = (metrics: Metrics, { selectBy, chooseBy = selectBy }: TrainingJob): string =>
  [...new Set([selectBy, chooseBy])].map((by) => `, ${by} ${(metrics[by] ?? Number.NaN).toFixed(4)}`).join('');

function diverged({ step, epoch }: Position, what: string): UserError {
  return new UserError(
    `${what} at step ${step} of epoch ${epoch + 1}. Lower --learning-rate, or bound the gradients with --clip-norm; the last good checkpoint is kept.`,
    1,
  );
}

/** What training has moved, as it stands. @throws UserError where it holds what is no number: that is not for keeping. */
function trained({ program, isTrained }: TrainingJob, position: Position): ReadonlyMap<string, NamedValues> {
  program.pull();
  const tensors = program.state.values(isTrained);
  for (const [name, { values }] of tensors) {
    if (!values.every(Number.isFinite)) throw diverged(position, `The values of ${name} are no longer numbers`);
  }
  return tensors;
}

const trainingFile = ({ folder, phase }: TrainingJob): string =>
  join(folder, phase === undefined ? checkpointFiles.training : `${phase}.safetensors`);

function resume(job: TrainingJob): Position | undefined {
  const { program, isTrained, label, log } = job;
  const found = readResumePoint(trainingFile(job), (line) => log(`${label}: ${line}`));
  if (!found) return undefined;
  program.state.load(found.tensors, trainingFile(job), isTrained);
  program.push();
  return found.metadata;
}

function saveNetwork({ network, folder }: TrainingJob, file: string, epoch: number, metrics: Metrics): void {
  const metadata: NetworkMetadata = { network: network.description, epoch, metrics };
  writeCheckpoint(join(folder, file), { tensors: network.weights(), metadata });
}
