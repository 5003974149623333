import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RandomStream, stream } from '@headshare/core/system/random';

/** Sizes of a synthetic set; IJB-C's at scale 1. */
export interface SetSizes {
  readonly images: number;
  readonly templates: number;
  readonly pairs: number;
  readonly dim: number;
}

const ijbc = { images: 469_375, subjects: 3531, templates: 23_124, pairs: 15_658_489, genuine: 19_557 };
const dim = 512;

/**
 * Writes synthetic embeddings and pairs in IJB-C's sizes. Every subject has a gallery template; some subjects look alike.
 * Probe templates range from easy to hopeless, and medias and images scatter around their template. Files
 * (little-endian): embeddings.f32 [images, 512], det.f32, templates.i32, medias.i32, p1.i32, p2.i32, label.u8 and
 * info.json, which is written last.
 */
export async function writeSet(folder: string, scale: number): Promise<void> {
  const scaled = (count: number) => Math.max(4, Math.round(count * scale));
  const [images, subjects, templates] = [scaled(ijbc.images), scaled(ijbc.subjects), scaled(ijbc.templates)];
  await mkdir(folder, { recursive: true });
  const subjectOf = subjectsOf(templates, subjects);
  const { templateOf, mediaOf, medias } = facesOf(images, templates);
  const put = (file: string, values: ArrayBufferView) => writeFile(join(folder, file), values as Uint8Array);

  // Template ids count from 1; media ids are in random order.
  const ids = stream(seed, 'media-ids').shuffle(Int32Array.from({ length: medias }, (_, i) => i + 1));
  await put(
    'templates.i32',
    templateOf.map((template) => template + 1),
  );
  await put(
    'medias.i32',
    mediaOf.map((media) => ids[media] as number),
  );
  const det = detectorScores(images);
  await put('det.f32', det);
  await writeEmbeddings(join(folder, 'embeddings.f32'), { subjectOf, subjects, templateOf, mediaOf, det });

  const pairs = pairsOf(subjectOf, subjects, scaled(ijbc.pairs), scaled(ijbc.genuine));
  await put('p1.i32', pairs.first);
  await put('p2.i32', pairs.second);
  await put('label.u8', pairs.same);
  const info: SetSizes = { images, templates, pairs: pairs.same.length, dim };
  await writeFile(join(folder, 'info.json'), JSON.stringify({ ...info, dtype: 'f32', media: medias }));
}

const seed = 2022;

/** The subject of each template; the first templates are the gallery, one per subject. */
function subjectsOf(templates: number, subjects: number): Int32Array {
  const random = stream(seed, 'probes');
  return Int32Array.from({ length: templates }, (_, t) => (t < subjects ? t : random.below(subjects)));
}

/** The template and the media of each image. Templates differ widely in size; about every third image starts a new media. */
function facesOf(images: number, templates: number) {
  const random = stream(seed, 'sizes');
  const weights = Float64Array.from({ length: templates }, () => Math.exp(1.25 * random.normal()));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = Int32Array.from(weights, (weight) => 1 + Math.floor((weight / total) * (images - templates)));
  for (let left = images - sizes.reduce((sum, size) => sum + size, 0); left > 0; left--) {
    const template = random.below(templates);
    sizes[template] = (sizes[template] as number) + 1;
  }
  const templateOf = new Int32Array(images);
  const mediaOf = new Int32Array(images);
  let [image, medias] = [0, 0];
  sizes.forEach((size, template) => {
    for (let i = 0; i < size; i++, image++) {
      if (i === 0 || random.chance(0.3)) medias++;
      templateOf[image] = template;
      mediaOf[image] = medias - 1;
    }
  });
  return { templateOf, mediaOf, medias };
}

function detectorScores(images: number): Float32Array {
  const random = stream(seed, 'detector');
  return Float32Array.from({ length: images }, () => Math.max(0.05, 0.9999 + 0.048 * Math.log(1 - random.float())));
}

interface Faces {
  readonly subjectOf: Int32Array;
  readonly subjects: number;
  readonly templateOf: Int32Array;
  readonly mediaOf: Int32Array;
  readonly det: Float32Array;
}

async function writeEmbeddings(path: string, { subjectOf, subjects, templateOf, mediaOf, det }: Faces): Promise<void> {
  const images = templateOf.length;
  const centres = subjectCentres(subjects);
  const [template, media] = [new Float32Array(dim), new Float32Array(dim)];
  let [lastTemplate, lastMedia] = [-1, -1];
  const file = await open(path, 'w');
  try {
    const rowsAtOnce = 4096;
    for (let from = 0; from < images; from += rowsAtOnce) {
      const rows = new Float32Array(Math.min(rowsAtOnce, images - from) * dim);
      for (let start = 0; start < rows.length; start += dim) {
        const image = from + start / dim;
        if (templateOf[image] !== lastTemplate) {
          lastTemplate = templateOf[image] as number;
          const random = stream(seed, 'template', lastTemplate);
          const centre = (subjectOf[lastTemplate] as number) * dim;
          template.set(centres.subarray(centre, centre + dim));
          // Most templates are close to their subject, and a few are far from it.
          addNoise(template, 0, 2.6 * (1 - (1 - random.float()) ** 0.25), random);
        }
        if (mediaOf[image] !== lastMedia) {
          lastMedia = mediaOf[image] as number;
          media.set(template);
          addNoise(media, 0, 0.7, stream(seed, 'media', lastMedia));
        }
        const random = stream(seed, 'image', image);
        rows.set(media, start);
        addNoise(rows, start, 1.1, random);
        scaleTo(rows, start, 14 + 9 * (det[image] as number) + 1.5 * random.normal());
      }
      await file.write(new Uint8Array(rows.buffer));
    }
  } finally {
    await file.close();
  }
}

function subjectCentres(subjects: number): Float32Array {
  const clusters = Math.max(2, Math.floor(subjects / 30));
  const centres = new Float32Array(subjects * dim);
  const random = stream(seed, 'subjects');
  for (let start = 0; start < centres.length; start += dim) {
    addNoise(centres, start, 1, random);
    addNoise(centres, start, 0.6, stream(seed, 'look-alikes', random.below(clusters)));
    scaleTo(centres, start, 1);
  }
  return centres;
}

/**
 * Adds a vector of random direction and approximate length. Its coordinates are sums of two uniform numbers: 400 million
 * normal ones would take longer, and in 512 dimensions the scores are the same.
 */
function addNoise(values: Float32Array, start: number, length: number, random: RandomStream): void {
  const unit = (length * Math.sqrt(6 / dim)) / 65_536;
  for (let i = start; i < start + dim; i++) {
    const bits = random.bits();
    values[i] = (values[i] as number) + unit * ((bits & 65_535) + (bits >>> 16) - 65_535);
  }
}

function scaleTo(values: Float32Array, start: number, length: number): void {
  let squares = 0;
  for (let i = start; i < start + dim; i++) squares += (values[i] as number) ** 2;
  const factor = length / Math.sqrt(squares);
  for (let i = start; i < start + dim; i++) values[i] = (values[i] as number) * factor;
}

/** Pairs of gallery and probe templates, sorted by gallery template. Each genuine pair has another probe. */
function pairsOf(subjectOf: Int32Array, subjects: number, count: number, genuineWanted: number) {
  const random = stream(seed, 'pairs');
  const probes = subjectOf.length - subjects;
  const genuine = Math.min(genuineWanted, probes);
  const chosen = random.shuffle(Int32Array.from({ length: probes }, (_, i) => subjects + i)).subarray(0, genuine);
  const left = new Int32Array(count);
  const right = new Int32Array(count);
  const starts = new Int32Array(subjects + 1);
  for (let pair = 0; pair < count; pair++) {
    const probe = pair < genuine ? (chosen[pair] as number) : subjects + random.below(probes);
    const own = subjectOf[probe] as number;
    const other = random.below(subjects);
    left[pair] = pair < genuine ? own : other === own ? (other + 1) % subjects : other;
    right[pair] = probe;
    starts[(left[pair] as number) + 1] = (starts[(left[pair] as number) + 1] as number) + 1;
  }
  for (let s = 0; s < subjects; s++) starts[s + 1] = (starts[s + 1] as number) + (starts[s] as number);
  const [first, second, same] = [new Int32Array(count), new Int32Array(count), new Uint8Array(count)];
  for (let pair = 0; pair < count; pair++) {
    const gallery = left[pair] as number;
    const place = starts[gallery] as number;
    starts[gallery] = place + 1;
    first[place] = gallery + 1;
    second[place] = (right[pair] as number) + 1;
    same[place] = pair < genuine ? 1 : 0;
  }
  return { first, second, same };
}
