/** The pictures that an export is tried on. */
import { join } from 'node:path';
import { type ImageDataset, imageBytes } from '../data/dataset';
import type { Pictures } from '../delivery/export-network';
import { loadCatalog } from '../experiment/catalog';
import { domainOf } from '../recipes/domain';
import type { Sides } from '../system/image-size';
import { stream } from '../system/random';
import { sentenceOf } from '../system/sentence-of';
import { UserError } from '../system/user-error';
import type { Task } from '../train/evaluation/task';
import type { Source, SourceRun } from './source';

/** How many pictures an export is tried on. */
const count = 8;

/**
 * The data of a run, opened; undefined for runs of other experiments than trainings.
 * @throws UserError where this machine lacks the data
 */
export async function openTask({ run }: SourceRun, root: string): Promise<Task | undefined> {
  const { experiments } = loadCatalog(join(root, 'packages', run.package));
  const stage = experiments.get(run.identity.experiment);
  const domain = stage && domainOf(stage);
  const options = run.identity.options[run.identity.experiment];
  return domain && options ? domain.taskOf(options) : undefined;
}

/** Pictures spread over the training data, as evaluation sees them. */
export async function picturesOf({ train }: Task): Promise<Pictures> {
  const indices = spread(train.labels.length, count);
  return { bytes: await bytesOf(train, indices), title: `${indices.length} pictures of ${train.name}` };
}

/** `wanted` indices of `total`, or all of them, at equal distances. */
export function spread(total: number, wanted: number): Int32Array {
  const taken = Math.min(wanted, total);
  return Int32Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}

/** Pictures of a data set as evaluation sees them, one after another. */
export async function bytesOf(images: ImageDataset, indices: Int32Array): Promise<Uint8Array> {
  const bytes = new Uint8Array(indices.length * imageBytes(images));
  await images.read(indices, bytes);
  return bytes;
}

/** Noise, the same for every export. */
export function noise({ height, width }: Sides, why: string): Pictures {
  const random = stream(0, 'export');
  const bytes = Uint8Array.from({ length: count * height * width * 3 }, () => random.below(256));
  return { bytes, title: `${count} pictures of noise (${why})` };
}

/** The data of the network's run, or why there is none. */
export async function dataOf({ made }: Source, root: string): Promise<Task | string> {
  if (!made) return 'no run of it is known';
  try {
    return (await openTask(made, root)) ?? 'its run has no pictures';
  } catch (error) {
    if (error instanceof UserError) return `the data of its run is not here: ${sentenceOf(error)}`;
    throw error;
  }
}
