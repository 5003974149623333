/** The data sets and the network in a run's record. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { type ImageDataset, imageBytes } from '../data/dataset';
import { inputName } from '../delivery/network-graph';
import type { RunContext } from '../experiment/define';
import { imageInput } from '../runtime/compile/step-inputs';
import type { ImageSize } from '../system/image-size';
import { sentenceOf } from '../system/sentence-of';
import type { TensorSpec } from '../tracking/journal/event';
import { checkpointFiles } from '../train/checkpoint';
import type { Metrics } from '../train/evaluation/metrics';
import type { Task, TaskImages } from '../train/evaluation/task';
import { readNetwork } from '../train/networks/load-network';
import { inputTensor, nestedPixels, outputTensors, writeServable } from './servable-network';

/** Records all images that a task reads as data sets in MLflow. */
export function trackData({ tracker }: Pick<RunContext<unknown>, 'tracker'>, { train, reads }: Task): void {
  const { size } = train;
  for (const { images, use, from } of reads ?? [{ images: train, use: 'training' } satisfies TaskImages]) {
    const { name, labels, classes, fingerprint } = images;
    // Equal for the same images of one name and size in all runs.
    const content = JSON.stringify([name, fingerprint, labels.length, size]);
    tracker.dataset({
      name,
      digest: createHash('sha256').update(content).digest('hex').slice(0, 16),
      context: use,
      from,
      features: [pixels(size)],
      targets: [{ name: 'label', dtype: 'int32', shape: [-1] }],
      profile: { num_rows: labels.length, num_classes: classes, image_size: size },
    });
  }
}

/**
 * Records a finished network as a model in MLflow: its last checkpoint, which other stages read too, and the same network
 * as ONNX, which MLflow loads and serves by itself, with a training image as an input example. A failure is logged, and
 * costs the run nothing. Does nothing in a run that is not recorded: nobody would read the ONNX.
 */
export async function trackNetwork(
  { tracker, folder, log }: Pick<RunContext<unknown>, 'tracker' | 'folder' | 'log'>,
  task: Task,
  { role, parameters, metrics }: { role: 'teacher' | 'student'; parameters: number; metrics: Metrics },
): Promise<void> {
  if (tracker.id === undefined) return;
  try {
    const checkpoint = join(folder, checkpointFiles.last);
    // A shared head adds layers that the options do not describe.
    const network = readNetwork(checkpoint);
    const { description } = network;
    const image = await firstImage(task.train);
    const servable = await writeServable(folder, network, task, image).catch((error: unknown) => {
      log(`MLflow cannot serve the ${role}, only keep it: ${sentenceOf(error)}.`);
      return undefined;
    });
    tracker.model({
      name: role,
      kind: description.backbone,
      files: servable ? [checkpoint, servable.file] : [checkpoint],
      ...(servable && { servable: basename(servable.file) }),
      inputs: [inputTensor(description)],
      outputs: servable?.outputs ?? outputTensors(description, ['logits']),
      inputExample: { [inputName]: [nestedPixels(image, description.inputSize)] },
      params: { ...description, parameters },
      metrics,
    });
  } catch (error) {
    log(`The ${role} is not among MLflow's models: ${sentenceOf(error)}.`);
  }
}

/** RGB images. */
const pixels = (size: ImageSize): TensorSpec => ({ name: 'pixels', ...imageInput(-1, size) });

/** The first image, without augmentation: RGB bytes. */
async function firstImage(images: ImageDataset): Promise<Uint8Array> {
  const bytes = new Uint8Array(imageBytes(images));
  await images.read([0], bytes);
  return bytes;
}
