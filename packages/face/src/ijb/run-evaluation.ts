import { join } from 'node:path';
import { LeftToHome } from '@headshare/core/cluster/stage-workers';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import type { RunContext, StageResult } from '@headshare/core/experiment/define';
import { stateDictOf } from '@headshare/core/experiment/state-dict-option';
import { makeProgress } from '@headshare/core/system/progress';
import { UserError } from '@headshare/core/system/user-error';
import { readNetwork } from '@headshare/core/train/networks/load-network';
import { becomeWorker } from '@headshare/core/train/workers/become-worker';
import { givenEmbeddings } from './embeddings/given-embeddings';
import { networkEmbeddings } from './embeddings/network-embeddings';

import { describeMeta, describeZeros, type IjbMeta, readIjbMeta } from './meta/meta-files';
import { type IjbPaths, ijbPaths, type SetName, setTitles } from './meta/sets';
import type { EvaluateValues, Variant } from './options';
import { ijbComparison, requireComparable, type TemplateFeatures } from './protocol/comparison';
import { type IjbResult, ijbMetrics } from './protocol/ijb-result';
import type { FeatureSwitches, IjbEmbeddings } from './protocol/pool-templates';
import { reportIjb, writeResults } from './report-ijb';

/** The embeddings to evaluate. */
interface Subject extends IjbEmbeddings {
  /** The gallery's embeddings, if another network makes them. */
  readonly gallery?: IjbEmbeddings;
  /** In words. */
  readonly name: string;
  /** Files of images that were replaced by black ones, and the reasons. */
  readonly unreadable: Readonly<Record<string, string>>;
}

export interface EvaluationResult extends StageResult {
  readonly set: SetName;
  readonly subject: string;
  readonly counts: IjbResult['counts'];
}

/** The file in a run's folder with everything measured. */
const resultsFile = 'ijb.json';

/**
 * Evaluates a network, or embeddings from files, on IJB-B or IJB-C. All workers embed, and home does the rest.
 * @throws LeftToHome in a worker that is not home, after its part
 */
export async function runEvaluation(context: RunContext<EvaluateValues>): Promise<EvaluationResult> {
  const { options, folder, log, signal } = context;
  const { protocol: set, data = defaultDataFolder('face'), variants } = options;
  const paths = ijbPaths(data, set);
  const meta = await readIjbMeta(paths);
  describeMeta(meta, set, log);
  signal.throwIfAborted();
  const subject =
    options.weights === undefined ? await givenSubject(options, meta) : await networkSubject(context, meta, paths);
  if (!subject) throw new LeftToHome();
  requireMirrorImages(subject, variants);
  const { gallery, name, unreadable } = subject;
  if (gallery) requireComparable(gallery.embeddings, subject.embeddings);

  const comparison = ijbComparison(meta);
  const progress = makeProgress(setTitles[set]);
  const onProgress = (done: number, total: number) => progress.update({ done, total, unit: 'images' });
  const zeros = new Set<number>();
  const onZero = (image: number) => zeros.add(image);
  const pool = (embeddings: IjbEmbeddings) =>
    comparison.pool(embeddings, variants.map(switchesOf), { signal, onProgress, onZero });
  const results = new Map<Variant, IjbResult>();
  try {
    const probes = await pool(subject);
    const galleries = gallery ? await pool(gallery) : probes;
    for (const [v, variant] of variants.entries()) {
      signal.throwIfAborted();
      const [left, right] = [galleries[v], probes[v]] as [TemplateFeatures, TemplateFeatures];
      results.set(variant, await comparison.evaluate(await comparison.score(left, right)));
    }
  } finally {
    progress.clear();
  }

  const [first] = results.values();
  if (!first) throw new RangeError('--variants names none');
  describeZeros(zeros, meta, log);
  const oddities = { ...meta.oddities, zeroEmbeddings: zeros.size };
  const measured = { set, subject: name, oddities, unreadable, variants: Object.fromEntries(results) };
  writeResults(join(folder, resultsFile), measured);
  const named = [...results].map(([variant, result]) => ({
    name: results.size === 1 ? name : `${name}, ${variant}`,
    result,
  }));
  const { files, summary } = await reportIjb(named, set, folder);
  const black = Object.keys(unreadable).length;
  // The first variant's metrics have plain names, those of the others its name in front.
  const metrics = [...results].map(([variant, result], i) => ijbMetrics(result, i === 0 ? '' : `${variant}_`));
  return {
    set,
    subject: name,
    counts: first.counts,
    metrics: Object.assign({ unreadable: black }, ...metrics),
    summary:
      black === 0 ? summary : `${summary}\n${black} of ${meta.counts.images} images were replaced by black ones.`,
    files: [resultsFile, ...files],
  };
}

/** @throws UserError if a variant adds mirror images that are not given */
function requireMirrorImages({ flipped, gallery }: Subject, variants: readonly Variant[]): void {
  if (flipped && (!gallery || gallery.flipped)) return;
  const lacking = variants.find((variant) => switchesOf(variant).flip);
  if (lacking === undefined) return;
  const [whose, option] = flipped
    ? ['the gallery has none', '--flipped-gallery-embeddings']
    : ['there are none', '--flipped-embeddings'];
  throw new UserError(
    `${lacking} adds the mirror images' embeddings, and ${whose}: give ${option}, or --variants=${lacking.replace('F1', 'F0')}`,
  );
}

const switchesOf = (variant: Variant): FeatureSwitches => ({
  flip: variant.includes('F1'),
  norm: variant.includes('N1'),
  detector: variant.includes('D1'),
});

async function givenSubject(options: EvaluateValues, { images }: IjbMeta): Promise<Subject> {
  const { embeddings: file, flippedEmbeddings, galleryEmbeddings, flippedGalleryEmbeddings, concatenated } = options;
  const open = (embeddings: string, flipped: string | undefined) =>
    givenEmbeddings({
      embeddings,
      ...(flipped !== undefined && { flipped }),
      concatenated,
      images: images.names.length,
    });
  const probe = await open(file as string, flippedEmbeddings);
  const gallery = galleryEmbeddings === undefined ? undefined : await open(galleryEmbeddings, flippedGalleryEmbeddings);
  const name = gallery ? `gallery ${galleryEmbeddings}, probes ${file}` : (file as string);
  return { ...probe, ...(gallery && { gallery }), name, unreadable: {} };
}

/** The networks that `--state-dict=ROLE:NAME` tells apart. */
const networkRoles = ['gallery', 'probes'];

/** Compares dimensions before anything is embedded, which takes hours for the real sets. */
function requireComparableNetworks(gallery: string, probes: string, stateDict: string | undefined): void {
  const [left, right] = [gallery, probes].map((file) => {
    const role = file === gallery ? 'gallery' : 'probes';
    const { description, tensors } = readNetwork(file, {
      headless: true,
      stateDict: stateDictOf(stateDict, role, networkRoles),
    });
    // The head reads the embedding, or its projection into the teacher's space; the gallery's is never projected.
    const dimension = tensors.get('head.weight')?.shape[0];
    return file === gallery && description.teacherSpace !== undefined ? undefined : dimension;
  });
  if (left !== undefined && right !== undefined) requireComparable({ dimension: left }, { dimension: right });
}

/** @returns undefined in a worker that is not home */
async function networkSubject(
  { options, signal, log, workers }: RunContext<EvaluateValues>,
  { images }: IjbMeta,
  { crops }: IjbPaths,
): Promise<Subject | undefined> {
  if (workers) await becomeWorker(workers.member);
  const { weights, galleryWeights, batchSize, embeddingsCache, protocol } = options;
  const onUnreadable = options.unreadable === 'black' ? 'black' : 'fail';
  const embed = (label: string, file: string, compared: boolean, normalisation: string, verify?: string) =>
    networkEmbeddings({
      label,
      weights: file,
      stateDict: stateDictOf(options.stateDict, label === 'gallery' ? label : 'probes', networkRoles),
      name: setTitles[protocol],
      images,
      crops,
      onUnreadable,
      batchSize,
      compared,
      normalisation,
      ...(verify !== undefined && { verify }),
      ...(embeddingsCache !== undefined && { cacheFolder: embeddingsCache }),
      workers,
      signal,
      log,
    });
  if (galleryWeights !== undefined) requireComparableNetworks(galleryWeights, weights as string, options.stateDict);
  const probe = await embed(
    galleryWeights === undefined ? 'network' : 'probes',
    weights as string,
    galleryWeights !== undefined,
    options.weightsNormalisation,
    options.verify,
  );
  const gallery =
    galleryWeights === undefined
      ? undefined
      : await embed('gallery', galleryWeights, false, options.galleryNormalisation);
  if (!probe) return undefined;
  const unreadable: Record<string, string> = {};
  for (const [index, reason] of [...probe.unreadable, ...(gallery?.unreadable ?? [])]) {
    unreadable[images.names[index] as string] = reason;
  }
  const black = Object.entries(unreadable);
  const shown = black.slice(0, 3).map((one) => one.join(': '));
  if (black.length > 0) log(`${black.length} images were replaced by black ones: ${shown.join('; ')}`);
  const name = gallery ? `gallery by ${gallery.network}, probes by ${probe.network}` : probe.network;
  return { ...probe, ...(gallery && { gallery }), name, unreadable };
}
