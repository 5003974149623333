import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { digestFile } from '@headshare/core/experiment/store';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { makeProgress } from '@headshare/core/system/progress';
import { makeInference } from '@headshare/core/train/inference';
import { loadNetwork } from '@headshare/core/train/load-network';
import { type AlignedCrops, alignedCrops } from '../crops/aligned-crops';
import type { IjbImages } from '../protocol/protocol';
import { type ExtractedEmbeddings, extractEmbeddings } from './extract-embeddings';

export interface NetworkEmbeddings extends ExtractedEmbeddings {
  /** What the network is: its backbone and the size of its images. */
  readonly network: string;
  /** Images that were black instead, by index, and why. */
  readonly unreadable: ReadonlyMap<number, string>;
}

export interface NetworkEmbeddingsOptions {
  /** What progress and errors call it. */
  readonly label: string;
  /** A checkpoint of ours, or another program's weights. */
  readonly weights: string;
  /** What the images are: 'IJB-C'. */
  readonly name: string;
  readonly images: Pick<IjbImages, 'names' | 'landmarks'>;
  /** The loose crops' folder. */
  readonly crops: string;
  readonly onUnreadable: 'fail' | 'black';
  readonly batchSize: number;
  /** Embeddings are taken to the teacher's space, where the network has a projector for that. */
  readonly compared?: boolean;
  /** Where embeddings are kept, each network's in a folder of its own; default `.cache/embeddings` of the workspace. */
  readonly cacheFolder?: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Of its variables; labels are free text, which TensorFlow's names are not. */
const root = 'network';

const defaultCacheFolder = resolve(__dirname, '../../../../../.cache/embeddings');

/** Aligns and embeds images by a network of a file, going on from what an earlier run left, with progress shown. */
export async function networkEmbeddings(options: NetworkEmbeddingsOptions): Promise<NetworkEmbeddings> {
  const { label, weights, images, crops, batchSize, compared = false, signal, log } = options;
  const { name, onUnreadable, cacheFolder = defaultCacheFolder } = options;
  const state = new State();
  const program = new Program(state);
  let dataset: AlignedCrops | undefined;
  const progress = makeProgress(label);
  try {
    const network = loadNetwork(state, root, weights, { headless: true });
    const { backbone, inputSize: size, teacherSpace } = network.description;
    // Without a projector the teacher's space is its own, and what is kept serves both.
    const projected = compared && teacherSpace !== undefined;
    dataset = await alignedCrops({ ...images, name, folder: crops, size, onUnreadable });
    const digest = await digestFile(weights);
    const key = createHash('sha256').update(`${digest} ${projected} ${dataset.fingerprint}`).digest('hex').slice(0, 16);
    const started = performance.now();
    const extracted = await extractEmbeddings({
      dataset,
      inference: makeInference(program, network, { batchSize, compared: projected }),
      dimension: projected ? teacherSpace : network.embeddingSize,
      weights: projected ? `${digest}, compared` : digest,
      folder: join(cacheFolder, key),
      signal,
      log,
      nameOf: (index) => join(crops, images.names[index] as string),
      onProgress: (done, total) => progress.update({ done, total, unit: 'images' }),
    });
    progress.clear();
    const seconds = (performance.now() - started) / 1000;
    const rate = extracted.embedded > 0 ? `, ${Math.round(extracted.embedded / seconds)} images/s` : '';
    log(`${label}: ${backbone}, ${extracted.embedded} of ${images.names.length} images embedded${rate}`);
    return { ...extracted, network: `${backbone}, ${size} x ${size}`, unreadable: new Map(dataset.unreadable) };
  } finally {
    progress.clear();
    await dataset?.close();
    program.dispose();
    state.dispose();
  }
}
