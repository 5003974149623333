import { join } from 'node:path';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import type { RunContext, StageResult } from '@headshare/core/experiment/define';
import { UserError } from '@headshare/core/runtime/user-error';
import { writeAtomically } from '@headshare/core/runtime/write-atomically';
import { makeProgress } from '@headshare/core/train/progress';
import { evaluateIjb, type IjbEmbeddings, type IjbResult } from './evaluate-ijb';
import { givenEmbeddings } from './given-embeddings';
import { type IjbMeta, readIjbMeta } from './meta-files';
import { networkEmbeddings } from './network-embeddings';
import type { EvaluateValues, Variant } from './options';
import { ijbMetrics, reportIjb } from './report-ijb';
import { type IjbPlaces, ijbPlaces, publishedCounts, type SetName, setTitles } from './sets';

/** What is evaluated: an embedding of every image, and of the gallery's where another network makes them. */
interface Subject extends IjbEmbeddings {
  readonly gallery?: IjbEmbeddings;
  /** In words. */
  readonly name: string;
  /** Files of images that were black instead, and why. */
  readonly unreadable: Readonly<Record<string, string>>;
}

export interface EvaluationResult extends StageResult {
  readonly set: SetName;
  readonly subject: string;
  readonly counts: IjbResult['counts'];
}

/** The file of a run's folder with all that was measured. */
export const resultsFile = 'ijb.json';

/** Evaluates a network, or embeddings as they are given, on IJB-B or IJB-C. */
export async function runEvaluation(context: RunContext<EvaluateValues>): Promise<EvaluationResult> {
  const { options, folder, log, signal } = context;
  const { protocol: set, data = defaultDataFolder('face'), variants } = options;
  if (options.weights === undefined && options.embeddings === undefined) {
    throw new UserError('give --weights, a network to evaluate, or --embeddings that one has made');
  }
  const places = ijbPlaces(data, set);
  const meta = await readIjbMeta(places);
  describeMeta(meta, set, log);
  signal.throwIfAborted();
  const subject =
    options.weights === undefined ? await givenSubject(options, meta) : await networkSubject(context, meta, places);
  const { embeddings, flipped, gallery, name, unreadable } = subject;

  const results = new Map<Variant, IjbResult>();
  const progress = makeProgress(setTitles[set]);
  for (const variant of variants) {
    const [flip, norm, detector] = [variant.includes('F1'), variant.includes('N1'), variant.includes('D1')];
    if (flip && !(flipped && (!gallery || gallery.flipped))) {
      throw new UserError(
        `${variant} adds the mirror images' embeddings, and there are none: give --flipped-embeddings, or --variants=F0N1D1`,
      );
    }
    const { images, pairs } = meta;
    const views = { embeddings, ...(flipped && { flipped }), ...(gallery && { gallery }) };
    const result = await evaluateIjb({
      ...{ images, pairs, ...views, flip, norm, detector, signal },
      onProgress: (part, done, total) => part === 'pooling' && progress.update({ done, total, unit: 'images' }),
    });
    results.set(variant, result);
    progress.clear();
  }

  const [first] = results.values();
  if (!first) throw new RangeError('no variant was asked for');
  const measured = { set, subject: name, oddities: meta.oddities, unreadable, variants: Object.fromEntries(results) };
  writeAtomically(join(folder, resultsFile), [Buffer.from(`${JSON.stringify(measured, plainArrays, 1)}\n`)]);
  const named = [...results].map(([variant, result]) => ({
    name: results.size === 1 ? name : `${name}, ${variant}`,
    result,
  }));
  const { files, summary } = await reportIjb(named, setTitles[set], folder);
  // The first variant is what was asked for, and the others stand beside it.
  const metrics = [...results].map(([variant, result], i) => ijbMetrics(result, i === 0 ? '' : `${variant}_`));
  return {
    set,
    subject: name,
    counts: first.counts,
    metrics: Object.assign({ unreadable: Object.keys(unreadable).length }, ...metrics),
    summary,
    files: [resultsFile, ...files],
  };
}

const plainArrays = (_: string, value: unknown) => (value instanceof Float64Array ? [...value] : value);

function describeMeta({ counts, oddities }: IjbMeta, set: SetName, log: (line: string) => void): void {
  const { images, templates, pairs, same } = counts;
  log(`${setTitles[set]}: ${images} images, ${templates} templates, ${pairs} pairs, ${same} of them of one person`);
  const published = publishedCounts[set];
  const other = (['images', 'templates', 'pairs', 'same'] as const).filter((name) => counts[name] !== published[name]);
  if (other.length > 0) {
    log(`Not the published set, which has ${other.map((name) => `${published[name]} ${name}`).join(', ')}`);
  }
  if (oddities.otherNames > 0)
    log(`${oddities.otherNames} lines name other images in the two files, which are joined by line`);
  if (oddities.repeated > 0)
    log(`${oddities.repeated} images stand more than once in their template, and count as often`);
}

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

async function networkSubject(
  { options, signal, log }: RunContext<EvaluateValues>,
  { images }: IjbMeta,
  { crops }: IjbPlaces,
): Promise<Subject> {
  const { weights, galleryWeights, batchSize, unreadable: onUnreadable, embeddingsCache, protocol } = options;
  const embed = (label: string, file: string, compared: boolean) =>
    networkEmbeddings({
      label,
      weights: file,
      name: setTitles[protocol],
      images,
      crops,
      onUnreadable,
      batchSize,
      compared,
      ...(embeddingsCache !== undefined && { cacheFolder: embeddingsCache }),
      signal,
      log,
    });
  const probe = await embed(
    galleryWeights === undefined ? 'network' : 'probes',
    weights as string,
    galleryWeights !== undefined,
  );
  const gallery = galleryWeights === undefined ? undefined : await embed('gallery', galleryWeights, false);
  const unreadable: Record<string, string> = {};
  for (const [index, reason] of [...probe.unreadable, ...(gallery?.unreadable ?? [])]) {
    unreadable[images.names[index] as string] = reason;
  }
  const black = Object.entries(unreadable);
  if (black.length > 0)
    log(
      `${black.length} images were black: ${black
        .slice(0, 3)
        .map((one) => one.join(': '))
        .join('; ')}`,
    );
  const name = gallery ? `gallery by ${gallery.network}, probes by ${probe.network}` : probe.network;
  return { ...probe, ...(gallery && { gallery }), name, unreadable };
}
