import { join } from 'node:path';
import { leaveToHome, type StageWorkers } from '../../cluster/stage-workers';
import type { NetworkDescription } from '../../nn/network';
import { Program } from '../../runtime/program';
import { State } from '../../runtime/state';
import { type ImageSize, sizeWords } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import type { ExternalHead, WeightsHints } from '../../weights/network-from-weights';
import { isExternal } from '../../weights/weights-file';
import { checkpointFiles, type NetworkMetadata, writeCheckpoint } from '../checkpoint';
import { makeInference } from '../evaluation/inference';
import type { Metrics } from '../evaluation/metrics';
import type { Task } from '../evaluation/task';
import { evaluateTogether } from '../workers/evaluate-together';
import { centresOfData } from './data-centres';
import { loadNetwork } from './load-network';

export interface NetworkImport extends Pick<WeightsHints, 'normalisation' | 'colours'> {
  /** A file of PyTorch, safetensors or ONNX, or a checkpoint. */
  readonly file: string;
  readonly task: Task;
  /** Receives the checkpoint and the task's files. */
  readonly folder: string;
  /** The workers that evaluate it together; absent: this process alone. */
  readonly workers?: StageWorkers | undefined;
  /** Default: it cannot be stopped. */
  readonly signal?: AbortSignal;
  readonly allowMissing: readonly string[];
  /** Which of several networks in the file; see `WeightsHints`. */
  readonly stateDict?: string | undefined;
  /** Receives what was chosen in the file, and what left out. */
  readonly log?: (line: string) => void;
  /** A .npz file with outputs that the network must give. */
  readonly verify?: string | undefined;
  readonly batchSize: number;
  /** Class centres made from the training data (`from: 'data'`) are the means of its images' embeddings. */
  readonly head?: ExternalHead;
}

export interface ImportedNetwork {
  readonly network: NetworkDescription;
  readonly parameters: number;
  readonly metrics: Metrics;
  /** Names in the folder. */
  readonly files: readonly string[];
}

/**
 * Imports a network that was trained elsewhere: evaluates it on the task and saves it as a checkpoint.
 * @throws LeftToHome in a worker that is not home, after its part of the evaluation
 * @throws UserError when the file fits no network, or has another number of classes or image size than the data
 */
export async function importNetwork({
  file,
  task,
  folder,
  workers,
  signal = new AbortController().signal,
  allowMissing,
  stateDict,
  log,
  verify,
  normalisation,
  colours,
  batchSize,
  head = {},
}: NetworkImport): Promise<ImportedNetwork> {
  const { classes, size } = task.train;
  const { from } = head;
  if (from !== undefined && !isExternal(file)) {
    throw new UserError(`${file} is a checkpoint and has its head; class centres are for files without a head.`);
  }
  const state = new State();
  const program = new Program(state);
  try {
    const network = loadNetwork(state, 'teacher', file, {
      inputSize: size,
      allowMissing,
      verify,
      adviceOnHead,
      stateDict,
      ...(log && { onNote: log }),
      head,
      ...(normalisation && { normalisation }),
      ...(colours && { colours }),
      ...((allowMissing.length > 0 || from === 'data') && { classes }),
    });
    requireFit(file, network.description, { classes, size }, typeof from === 'object' ? from.file : undefined);
    const made = await evaluateTogether(workers, { program, name: 'import', signal }, ({ spread, run }) => {
      const inference = makeInference(program, network, { batchSize, spread });
      return run(task.train, async () => {
        if (from === 'data') {
          const centres = await centresOfData(program, network, task.train, { batchSize, spread });
          const weight = `${network.root}/head.weight`;
          state.load(new Map([[weight, centres]]), task.train.name, ({ name }) => name === weight);
          program.push();
        }
        const metrics = await task.evaluate(inference);
        return { metrics, writeFiles: await task.finish(inference, inference) };
      });
    });
    leaveToHome(workers);
    if (!made) throw new Error('Home left the evaluation out.');
    const { metrics, writeFiles } = made;
    const taskFiles = await writeFiles(folder);
    const metadata: NetworkMetadata = { network: network.description, epoch: 0, metrics };
    for (const name of [checkpointFiles.last, checkpointFiles.best]) {
      writeCheckpoint(join(folder, name), { tensors: network.weights(), metadata });
    }
    const trainable = network.variables().filter(({ kind }) => kind === 'trainable');
    return {
      network: network.description,
      parameters: trainable.reduce((sum, { variable }) => sum + variable.size, 0),
      metrics,
      files: [checkpointFiles.last, checkpointFiles.best, ...taskFiles],
    };
  } finally {
    program.dispose();
    state.dispose();
  }
}

const adviceOnHead =
  '--teacher-centres=FILE reads its class centres, --teacher-head-from-data computes them from the training images, --allow-missing=head starts with an untrained head';

function requireFit(
  file: string,
  network: NetworkDescription,
  data: { readonly classes: number; readonly size: ImageSize },
  centres: string | undefined,
): void {
  if (network.classes !== data.classes && centres !== undefined) {
    throw new UserError(
      `${centres} has ${network.classes} class centres, the data has ${data.classes} classes: give a file with one centre a class (insightface writes one file a GPU: torch.cat their weights in order).`,
      1,
    );
  }
  if (network.classes !== data.classes) {
    throw new UserError(
      `${file} has ${network.classes} classes, the data has ${data.classes}: the teacher needs the same classes.`,
      1,
    );
  }
  if (network.inputSize !== data.size) {
    throw new UserError(
      `${file} holds a network for images of ${sizeWords(network.inputSize)} pixels; the data's images have ${sizeWords(data.size)} (--image-size).`,
      1,
    );
  }
}
