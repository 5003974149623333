/** What a run's record says of its data and of the network that it made. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type ImageDataset, imageBytes } from '../data/dataset';
import type { RunContext } from '../experiment/define';
import { sentenceOf } from '../system/sentence-of';
import type { TensorSpec } from '../tracking/journal/event';
import { checkpointFiles } from '../train/checkpoint';
import type { Metrics } from '../train/evaluation/metrics';
import type { Task, TaskImages } from '../train/evaluation/task';
import { readNetwork } from '../train/networks/load-network';

type Recorded = Pick<RunContext<unknown>, 'tracker' | 'folder' | 'log'>;

/** Names all images that a task reads as data sets of MLflow's. */
export function trackData({ tracker }: Pick<Recorded, 'tracker'>, { train, reads }: Task): void {
  const { size } = train;
  for (const { images, use, from } of reads ?? [{ images: train, use: 'training' } satisfies TaskImages]) {
    const { name, labels, classes } = images;
    tracker.dataset({
      name,
      digest: digestOf(images, size),
      context: use,
      from,
      features: [pixels(size)],
      targets: [{ name: 'label', dtype: 'int32', shape: [-1] }],
      profile: { num_rows: labels.length, num_classes: classes, image_size: size },
    });
  }
}

/** A network that a stage has made, and what it was measured at. */
export interface MadeNetwork {
  readonly role: 'teacher' | 'student';
  readonly parameters: number;
  readonly metrics: Metrics;
}

/**
 * Puts a finished network among MLflow's models: its last checkpoint, by which other stages know it, with a training
 * image as an example of what it reads. What keeps it from that is told, and costs the run nothing.
 */
export async function trackNetwork(
  { tracker, folder, log }: Recorded,
  { train }: Task,
  { role, parameters, metrics }: MadeNetwork,
): Promise<void> {
  try {
    const checkpoint = join(folder, checkpointFiles.last);
    // Of a network that shares a head, what was asked for is not all that it is.
    const { description, tensors } = readNetwork(checkpoint);
    const embedding = tensors.get('head.weight')?.shape[0];
    tracker.model({
      name: role,
      kind: description.backbone,
      files: [checkpoint],
      inputs: [pixels(description.inputSize)],
      outputs: [
        { name: 'logits', dtype: 'float32', shape: [-1, description.classes] },
        ...(embedding === undefined ? [] : [{ name: 'embedding', dtype: 'float32', shape: [-1, embedding] }]),
      ],
      inputExample: { pixels: [await firstImage(train)] },
      params: { ...description, parameters },
      metrics,
    });
  } catch (error) {
    log(`The ${role} is not among MLflow's models: ${sentenceOf(error)}.`);
  }
}

/** Square RGB images, as networks read them. */
const pixels = (size: number): TensorSpec => ({ name: 'pixels', dtype: 'uint8', shape: [-1, size, size, 3] });

/** [height, width, 3], as it is in evaluation. */
async function firstImage(images: ImageDataset): Promise<readonly (readonly (readonly number[])[])[]> {
  const { size } = images;
  const bytes = new Uint8Array(imageBytes(images));
  await images.read([0], bytes);
  const pixel = (at: number) => Array.from(bytes.subarray(3 * at, 3 * at + 3));
  const range = Array.from({ length: size }, (_, i) => i);
  return range.map((row) => range.map((column) => pixel(row * size + column)));
}

/** The same for the same images of one name in one size, whoever reads them. */
function digestOf({ name, labels, fingerprint }: TaskImages['images'], size: number): string {
  const told = JSON.stringify([name, fingerprint, labels.length, size]);
  return createHash('sha256').update(told).digest('hex').slice(0, 16);
}
