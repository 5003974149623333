/** Exports a network with what its run knows: pictures to try it on, thresholds, names of classes. */
import type { Card } from 'headshare-student/card';
import { type Exported, exportNetwork, type NetworkExport } from '../delivery/export-network';
import { makeCard } from '../delivery/make-card';
import { sides } from '../system/image-size';
import { factsOf } from './facts';
import { dataOf, noise, picturesOf } from './pictures';
import type { Source } from './source';

export interface ExportRequest extends Pick<NetworkExport, 'options' | 'weights' | 'format' | 'to'> {
  readonly source: Source;
  /** The workspace's folder. */
  readonly root: string;
}

export interface ExportedModel extends Exported {
  readonly card: Card;
  /** The pictures that it was tried on: `8 pictures of faces-train`. */
  readonly pictures: string;
}

/** @throws UserError when the model cannot be written, or differs from the network */
export async function exportModel({ source, root, ...request }: ExportRequest): Promise<ExportedModel> {
  const { network } = source;
  const { options, weights } = request;
  const task = await dataOf(source, root);
  const known = typeof task === 'string' ? undefined : task;
  try {
    const card = makeCard(network.description, await factsOf(source, known, options), options, weights);
    const pictures =
      typeof task === 'string' ? noise(sides(network.description.inputSize), task) : await picturesOf(task);
    const exported = await exportNetwork({ ...request, network, card, pictures });
    return { ...exported, card, pictures: pictures.title };
  } finally {
    await known?.close();
  }
}
