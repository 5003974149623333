import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StageWorkers } from '@headshare/core/cluster/stage-workers';
import { appears } from '@headshare/core/experiment/appears';
import { digestFile } from '@headshare/core/experiment/store';
import { externalNormalisation } from '@headshare/core/recipes/normalisation-options';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { sizeWords } from '@headshare/core/system/image-size';
import { makeProgress, type Progress } from '@headshare/core/system/progress';
import { makeInference } from '@headshare/core/train/evaluation/inference';
import { loadNetwork } from '@headshare/core/train/networks/load-network';
import { evaluateTogether, type SharedEvaluation } from '@headshare/core/train/workers/evaluate-together';
import { type AlignedCrops, alignedCrops } from '../crops/aligned-crops';
import type { IjbImages } from '../meta/meta-files';
import { type ExtractedEmbeddings, extractEmbeddings, helpToExtract } from './extract-embeddings';

export interface NetworkEmbeddings extends ExtractedEmbeddings {
  /** The backbone and the size of its images, in words. */
  readonly network: string;
  /** Why images were replaced by black ones, by index. */
  readonly unreadable: ReadonlyMap<number, string>;
}

export interface NetworkEmbeddingsOptions {
  /** The network's name in progress and errors. */
  readonly label: string;
  /** A checkpoint, or another program's weights. */
  readonly weights: string;
  /** A value of `externalNormalisationOption`; default: 'reference'. */
  readonly normalisation?: string;
  /** Which of several networks in the file. */
  readonly stateDict?: string | undefined;
  /** The set's name: 'IJB-C'. */
  readonly name: string;
  readonly images: Pick<IjbImages, 'names' | 'landmarks' | 'landmarksFile'>;
  /** The loose crops' folder. */
  readonly crops: string;
  readonly onUnreadable: 'fail' | 'black';
  readonly batchSize: number;
  /** A .npz file with outputs that the network must give. */
  readonly verify?: string;
  /** Projects embeddings into the teacher's space, if the network has a projector for it. */
  readonly compared?: boolean;
  /** Embeddings are stored here, each network's in its own folder; default `.cache/embeddings` of the workspace. */
  readonly cacheFolder?: string;
  /** The workers that embed together; absent: this process alone. */
  readonly workers?: StageWorkers | undefined;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Scope of the network's variables. Labels are free text, which TensorFlow's names may not be. */
const root = 'network';

const defaultCacheFolder = resolve(__dirname, '../../../../../.cache/embeddings');

/** Names an extraction among the parts of a stage. */
export const extractionName = ({
  name,
  label,
  compared = false,
}: Pick<NetworkEmbeddingsOptions, 'name' | 'label' | 'compared'>): string =>
  `embeddings/${name}/${label}${compared ? '/compared' : ''}`;

/**
 * Aligns and embeds images by a network from a file, shows progress, and uses embeddings that are stored already.
 * @returns undefined in a worker that is not home, after its part
 */
export async function networkEmbeddings(options: NetworkEmbeddingsOptions): Promise<NetworkEmbeddings | undefined> {
  const { workers, signal, label } = options;
  const state = new State();
  const program = new Program(state);
  const progress = makeProgress(label);
  try {
    return await evaluateTogether(workers, { program, name: extractionName(options), signal }, (shared) =>
      embed(options, { state, program, progress, shared }),
    );
  } finally {
    progress.clear();
    program.dispose();
    state.dispose();
  }
}

interface Place {
  readonly state: State;
  readonly program: Program;
  readonly progress: Progress;
  readonly shared: SharedEvaluation;
}

async function embed(
  options: NetworkEmbeddingsOptions,
  { state, program, progress, shared }: Place,
): Promise<NetworkEmbeddings | undefined> {
  const { label, weights, stateDict, images, crops, batchSize, compared = false, signal, log } = options;
  const { name, onUnreadable, normalisation = 'reference', cacheFolder = defaultCacheFolder } = options;
  let dataset: AlignedCrops | undefined;
  try {
    if (!shared.isHome) await appears(() => existsSync(weights) || undefined, signal);
    const hints = {
      headless: true,
      stateDict,
      verify: options.verify,
      onNote: log,
      ...externalNormalisation(normalisation),
    };
    const network = loadNetwork(state, root, weights, hints);
    const { backbone, inputSize: size, teacherSpace } = network.description;
    // Without a projector the network's own space is the teacher's: stored embeddings serve both.
    const projected = compared && teacherSpace !== undefined;
    dataset = await alignedCrops({ ...images, name, folder: crops, size, onUnreadable });
    const file = await digestFile(weights);
    const facts = [file, ...(normalisation === 'reference' ? [] : [normalisation])].join(', ');
    const digest = stateDict === undefined ? facts : `${facts}, ${stateDict}`;
    const key = createHash('sha256').update(`${digest} ${projected} ${dataset.fingerprint}`).digest('hex').slice(0, 16);
    const started = performance.now();
    const extraction = {
      dataset,
      inference: makeInference(program, network, { batchSize, compared: projected, spread: shared.spread }),
      weights: projected ? `${digest}, compared` : digest,
      shared,
    };
    if (!shared.isHome) {
      await helpToExtract(extraction);
      return undefined;
    }
    const extracted = await extractEmbeddings({
      ...extraction,
      batchSize,
      dimension: projected ? teacherSpace : network.embeddingSize,
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
    return { ...extracted, network: `${backbone}, ${sizeWords(size)}`, unreadable: new Map(dataset.unreadable) };
  } finally {
    await dataset?.close();
  }
}
