/** `--judge`: the task's own measures of a network, and of the model that was made of it. */
import type { Card, Thresholds } from 'headshare-student/card';
import { mirror } from '../data/loading/augmented';
import { picturesAtOnce } from '../delivery/export-network';
import { modelInput } from '../delivery/feed';
import type { LoadedModel } from '../delivery/format';
import type { DescribedNetwork, GraphOptions } from '../delivery/network-graph';
import { buildNetwork } from '../nn/network';
import { symmetric } from '../nn/normalisation';
import type { Table } from '../report/table';
import { Program } from '../runtime/program';
import { State } from '../runtime/state';
import { makeProgress } from '../system/progress';
import {
  type BatchSteps,
  type Embeddings,
  evaluationSteps,
  type Inference,
  inferenceBy,
} from '../train/evaluation/inference';
import type { Metrics } from '../train/evaluation/metrics';
import type { Task } from '../train/evaluation/task';

export interface Judgement {
  readonly network: Metrics;
  readonly model: Metrics;
  /** The model's own; absent for tasks without verification images. */
  readonly thresholds?: Thresholds;
}

export interface JudgeRequest {
  readonly network: DescribedNetwork;
  readonly model: LoadedModel;
  readonly card: Card;
  readonly options: GraphOptions;
  readonly task: Task;
  /** The verification images embedded by the teacher of the network's run. */
  readonly gallery: Embeddings | undefined;
}

/** Why a task cannot measure a model with these outputs; undefined where it can. */
export function notJudged({ usage }: Task, { outputs }: Pick<GraphOptions, 'outputs'>): string | undefined {
  const needed = usage?.kind === 'face' ? ['embedding'] : ['logits', 'probabilities'];
  if (outputs.some((output) => needed.includes(output))) return undefined;
  return `its task is measured by ${needed.join(' or ')}, which --outputs lacks`;
}

/** Measures both on the task's evaluation data, which one loader reads for both. */
export async function judge({ network, model, card, options, task, gallery }: JudgeRequest): Promise<Judgement> {
  const { normalisation = symmetric } = network.description;
  const inputOf = (pictures: Uint8Array) => modelInput(options.input, pictures, card.input, normalisation);
  const batchSize = picturesAtOnce(card.input);
  const state = new State();
  const program = new Program(state);
  const progress = makeProgress('judge');
  try {
    let total = imagesOf(task);
    const measure = async (steps: BatchSteps, text: string, thresholds?: Pick<Card, 'mirror'>) => {
      let done = 0;
      const count = () => {
        done += batchSize;
        progress.update({ done, total: Math.max(done, total), unit: 'images', text });
      };
      const found = await measured(task, inferenceBy(counted(steps, count), batchSize), gallery, thresholds);
      total = done;
      return found;
    };
    const built = buildNetwork(state, 'network', network.description, undefined);
    built.load(network.tensors, network.file);
    const own = evaluationSteps(program, built, { batchSize, compared: options.teacherSpace });
    const { metrics } = await measure(own, 'the network');
    const { metrics: found, thresholds } = await measure(stepsOf(model, card, inputOf), 'the model', card);
    return { network: metrics, model: found, ...(thresholds && { thresholds }) };
  } finally {
    progress.clear();
    program.dispose();
    state.dispose();
  }
}

/** How many images a task is measured on. */
const imagesOf = ({ reads = [] }: Task): number =>
  reads.filter(({ use }) => use !== 'training').reduce((sum, { images }) => sum + images.labels.length, 0);

interface Measured {
  readonly metrics: Metrics;
  readonly thresholds?: Thresholds;
}

/**
 * The task's metrics, and the shares of genuine pairs that pass against the teacher's gallery.
 * @param card asks for thresholds too, of the picture alone or of picture and mirror image together
 */
async function measured(
  task: Task,
  inference: Inference,
  gallery: Embeddings | undefined,
  card: Pick<Card, 'mirror'> | undefined,
): Promise<Measured> {
  const metrics = await task.evaluate(inference);
  const verification = task.usage?.verification;
  if (!verification || !(gallery || card)) return { metrics };
  const embedded = await verification.embed(inference);
  const teacher = (gallery && verification.thresholds(embedded, gallery, true).teacher) ?? [];
  const known = teacher.filter(({ measurable }) => measurable);
  const across = known.map(({ far, tar }) => [`cross_tar_at_far_${far.toExponential()}`, tar] as const);
  return {
    metrics: { ...metrics, ...Object.fromEntries(across) },
    ...(card && { thresholds: verification.thresholds(embedded, gallery, card.mirror) }),
  };
}

/** A batch of images, in a model's engine. */
function stepsOf(
  model: LoadedModel,
  { input, mirror: isMirrored }: Card,
  inputOf: (pictures: Uint8Array) => ReturnType<typeof modelInput>,
): BatchSteps {
  const imageBytes = input.height * input.width * 3;
  // A copy: batches lie in shared memory, which no message to another process takes.
  const run = (pictures: Uint8Array) => model.run(inputOf(Uint8Array.from(pictures)));
  const embed = async (pictures: Uint8Array) => (await run(pictures)).embedding as Float32Array;
  return {
    async embed(pixels) {
      const embedding = await embed(pixels);
      // Picture and mirror image together, which are the same for both.
      if (isMirrored) return { embedding, flipped: embedding };
      const mirrored = Uint8Array.from(pixels);
      for (let i = 0; i < mirrored.length; i += imageBytes) mirror(mirrored.subarray(i, i + imageBytes), input);
      return { embedding, flipped: await embed(mirrored) };
    },
    async classify(pixels) {
      const { logits, probabilities } = await run(pixels);
      // The logarithms of probabilities are logits but for an offset.
      return { logits: logits ?? (probabilities as Float32Array).map(Math.log) };
    },
  };
}

/** Calls `count` after each batch. */
function counted(steps: BatchSteps, count: () => void): BatchSteps {
  const after = async <T>(work: Promise<T>): Promise<T> => {
    const made = await work;
    count();
    return made;
  };
  return { embed: (pixels) => after(steps.embed(pixels)), classify: (pixels) => after(steps.classify(pixels)) };
}

/** Of the table's numbers. */
const digits = 4;

/** Metrics over all evaluation data, not those of each of several sets. */
const isOverall = (name: string): boolean => !name.includes('/');

export function judgementTable({ network, model }: Judgement, { selectBy }: Pick<Task, 'selectBy'>): Table {
  const names = Object.keys(network).filter((name) => isOverall(name) || name === selectBy);
  return {
    columns: [
      { title: 'measure' },
      { title: 'network', digits },
      { title: 'model', digits },
      { title: 'change', digits },
    ],
    rows: names.map((name) => {
      const [before, after] = [network[name] as number, model[name]];
      return [name, before, after, after === undefined ? undefined : rounded(after - before)];
    }),
  };
}

/** To the digits of the table: -0.00001 must not be shown as -0.0000. */
const rounded = (change: number): number => Math.round(change * 10 ** digits) / 10 ** digits + 0;
