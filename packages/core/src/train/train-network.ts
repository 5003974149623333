import type { Method, MethodSettings } from '../distill/method';
import { methods } from '../distill/registry';
import { linear } from '../nn/layers';
import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { backbones, heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { Program } from '../runtime/program';
import { type NamedValues, State, type StateVariable } from '../runtime/state';
import type { Tensor1D, Tensor4D } from '../runtime/tensorflow';
import { UserError } from '../runtime/user-error';
import { readCheckpoint } from './checkpoint';
import { makeInference } from './inference';
import { sgd } from './optimiser';
import { type Projector, perception } from './perception';
import type { Task } from './task';
import {
  checkpointFiles,
  type NetworkMetadata,
  type Outcome,
  type RunSurroundings,
  type TrainingSettings,
  train,
} from './trainer';

/** Another network's classifier, taken over. */
export interface SharedHead {
  /** A network's checkpoint. */
  readonly from: string;
  /** frozen: it never moves (SH-KD's temporary head); initial: training starts from it. */
  readonly use: 'frozen' | 'initial';
}

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly method: Method;
  readonly settings: MethodSettings;
}

export interface NetworkTraining extends RunSurroundings {
  /** What the network is called in the terminal and its state: 'teacher' or 'student'. */
  readonly role: 'teacher' | 'student';
  readonly task: Task;
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly distillation?: Distillation;
  readonly sharedHead?: SharedHead;
  /** Runs steps operation by operation, for debugging. */
  readonly eager?: boolean;
}

export interface TrainedNetwork extends Outcome {
  readonly parameters: number;
  /** In the folder: checkpoints, and what the task concluded with. */
  readonly files: readonly string[];
}

/**
 * Trains one network from scratch: alone, from a teacher, or under another network's head.
 * @throws UserError when a checkpoint does not fit, or training cannot go on
 */
export async function trainNetwork(options: NetworkTraining): Promise<TrainedNetwork> {
  const { role, task, settings, distillation, sharedHead, folder } = options;
  const state = new State();
  const program = new Program(state, { eager: options.eager });
  try {
    const network = buildNetwork(state, role, suitedTo(sharedHead, options.network), settings.seed);
    if (sharedHead) shareHead(state, network, sharedHead);
    const teacher = distillation && loadNetwork(state, 'distilled-teacher', distillation.teacher);
    const projector = teacher && makeProjector(state, network, teacher, settings.seed);
    const ofTeacher = under('distilled-teacher');
    const isFrozen = (entry: StateVariable) =>
      ofTeacher(entry) || (sharedHead?.use === 'frozen' && entry.name.startsWith(`${role}/head.`));
    const learned = state.all('trainable').filter((entry) => !isFrozen(entry));
    const { momentum, weightDecay, clipNorm } = settings;
    const optimiser = sgd(state, learned, { momentum, weightDecay, ...(clipNorm > 0 && { clipNorm }) });

    const { batchSize } = settings;
    const size = network.description.inputSize;
    const step = program.define(
      'train',
      {
        pixels: { dtype: 'uint8', shape: [batchSize, size, size, 3] },
        labels: { dtype: 'int32', shape: [batchSize] },
        learningRate: { dtype: 'float32', shape: [] },
      },
      ({ pixels, labels, learningRate }) => {
        const perceive = perception(network, pixels as Tensor4D, labels as Tensor1D, teacher, projector);
        const { method, settings: weights } = distillation ?? alone;
        return optimiser.minimise(learningRate, () => method.terms(perceive(), weights));
      },
    );

    const inference = makeInference(program, network, { batchSize });
    const outcome = await train({
      ...options,
      label: role,
      program,
      step,
      dataset: task.train,
      augment: task.augment,
      network,
      isTrained: (entry) => !ofTeacher(entry),
      evaluate: () => task.evaluate(inference),
      selectBy: task.selectBy,
    });
    // In the teacher's space, where the two can be compared.
    const comparable = projector ? makeInference(program, network, { batchSize, project: projector }) : inference;
    const left = await task.conclude(folder, comparable);
    return {
      ...outcome,
      parameters: count(network.variables().filter(({ kind }) => kind === 'trainable')),
      files: [checkpointFiles.last, checkpointFiles.best, ...left],
    };
  } finally {
    program.dispose();
    state.dispose();
  }
}

const alone = { method: methods.named('none'), settings: methods.named('none').defaults };

const count = (variables: readonly StateVariable[]): number =>
  variables.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const under =
  (root: string) =>
  ({ name }: StateVariable): boolean =>
    name.startsWith(`${root}/`);

/** Builds the network that a checkpoint describes and gives it the checkpoint's weights. */
export function loadNetwork(state: State, root: string, file: string): Network {
  const { tensors, description } = readNetwork(file);
  const network = buildNetwork(state, root, description, undefined);
  network.load(tensors, file);
  return network;
}

/** @throws UserError for a checkpoint that is damaged, is no network's, or is of a network that is not known here. */
function readNetwork(file: string): { tensors: ReadonlyMap<string, NamedValues>; description: NetworkDescription } {
  const { tensors, metadata } = readCheckpoint<Partial<NetworkMetadata>>(file);
  const description = metadata.network;
  if (!description) throw new UserError(`The checkpoint ${file} holds no network: its metadata describes none.`, 1);
  for (const [kind, known] of Object.entries({ backbone: backbones, head: heads })) {
    const name = description[kind as 'backbone' | 'head'];
    if (!known.names.includes(name)) {
      throw new UserError(`The checkpoint ${file} has the ${kind} '${name}'; known are ${known.names.join(', ')}.`, 1);
    }
  }
  return { tensors, description };
}

/** The network with a projection to the size that the shared head reads, where its own embedding has another. */
function suitedTo(head: SharedHead | undefined, network: NetworkDescription): NetworkDescription {
  if (!head) return network;
  const { tensors, description } = readNetwork(head.from);
  const { classes, head: kind, scale, margin } = description;
  if (classes !== network.classes) {
    throw new UserError(
      `The head of ${head.from} tells ${classes} classes apart, this data has ${network.classes}: a head can only be shared between networks for the same classes.`,
      1,
    );
  }
  const inputs = tensors.get('head.weight')?.shape[0];
  const own = embeddingSizeOf(network);
  const projection = inputs === undefined || inputs === own ? undefined : inputs;
  return { ...network, head: kind, scale, margin, projection };
}

function embeddingSizeOf(description: NetworkDescription): number {
  const state = new State();
  const { embeddingSize } = buildNetwork(state, 'probe', description, undefined);
  state.dispose();
  return embeddingSize;
}

function shareHead(state: State, network: Network, { from }: SharedHead): void {
  const { tensors } = readNetwork(from);
  const prefix = `${network.root}/`;
  const head = [...tensors].filter(([name]) => name.startsWith('head.'));
  const isHead = ({ name }: StateVariable) => name.startsWith(`${prefix}head.`);
  state.load(new Map(head.map(([name, value]) => [prefix + name, value])), from, isHead, prefix);
}

/** A learned map from the student's embedding into the teacher's space; none where the sizes agree. */
function makeProjector(state: State, student: Network, teacher: Network, seed: number): Projector | undefined {
  const inputs = student.embeddingSize;
  const outputs = teacher.embeddingSize;
  if (inputs === outputs) return undefined;
  return linear(Scope.root(state, 'projector', seed), { inputs, outputs, bias: false });
}
