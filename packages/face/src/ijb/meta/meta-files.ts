import { UserError } from '@headshare/core/system/user-error';
import type { IjbImages, TemplatePairs } from '../protocol/protocol';
import { fivePoints } from './landmarks';
import { type MetaLines, readMetaLines } from './meta-lines';
import type { IjbCounts, IjbPlaces } from './sets';

export interface IjbMeta {
  readonly images: IjbImages;
  readonly pairs: TemplatePairs;
  readonly counts: IjbCounts;
  readonly oddities: MetaOddities;
}

/** What the protocol takes as it is, and may yet be a mistake. */
export interface MetaOddities {
  /** Lines whose names differ in the two files of images, which are joined by line. */
  readonly otherNames: number;
  /** Images that stand more than once in the same template, and so count more than once. */
  readonly repeated: number;
}

/**
 * Reads the three meta files of IJB-B or IJB-C as insightface distributes them.
 * @throws UserError with file and line for what is malformed, for files of images that differ in length, and for pairs of
 *   templates without images
 */
export async function readIjbMeta(places: Pick<IjbPlaces, 'faces' | 'landmarks' | 'pairs'>): Promise<IjbMeta> {
  const { names: listed, templates, medias } = await readFaces(places.faces);
  const { names, landmarks, scores } = await readLandmarks(places.landmarks);
  if (names.length !== listed.length) {
    throw new UserError(
      `${places.faces} has ${listed.length} lines and ${places.landmarks} has ${names.length}: their lines go together.`,
      1,
    );
  }
  if (names.length === 0) throw new UserError(`${places.faces} is empty: it has a line for each image.`, 1);
  const distinct = new Set(templates);
  const pairs = await readPairs(places.pairs, membership(templates, distinct), places.faces);
  const same = pairs.same.reduce((sum, one) => sum + one, 0);
  return {
    images: { names, landmarks, templates, medias, scores },
    pairs,
    counts: { images: names.length, templates: distinct.size, pairs: pairs.same.length, same },
    oddities: {
      otherNames: names.reduce((sum, name, i) => sum + (name === listed[i] ? 0 : 1), 0),
      repeated: names.length - new Set(names.map((name, i) => `${templates[i]} ${name}`)).size,
    },
  };
}

async function readFaces(file: string) {
  const names: string[] = [];
  let templates = new Int32Array(0);
  let medias = new Int32Array(0);
  await readMetaLines(file, (lines) => {
    const room = lines.capacity(templates.length, 'a 0 0\n'.length);
    templates = resized(templates, room);
    medias = resized(medias, room);
    while (lines.more()) {
      const { line } = lines;
      names.push(lines.word('the name of an image'));
      templates[line] = lines.count('the template');
      medias[line] = lines.count('the media');
      lines.done();
    }
  });
  return { names, templates: templates.slice(0, names.length), medias: medias.slice(0, names.length) };
}

async function readLandmarks(file: string) {
  const names: string[] = [];
  let landmarks = new Float32Array(0);
  let scores = new Float32Array(0);
  let read: Float64Array | undefined;
  await readMetaLines(file, (lines) => {
    const room = lines.capacity(scores.length, 'a 0 0 0 0 0 0 0 0 0 0 0\n'.length);
    landmarks = resized(landmarks, room * 10);
    scores = resized(scores, room);
    while (lines.more()) {
      const { line } = lines;
      names.push(lines.word('the name of an image'));
      read ??= pointsOf(lines);
      for (let i = 0; i < read.length; i++) read[i] = lines.decimal('a coordinate');
      landmarks.set(fivePoints(read), line * 10);
      scores[line] = lines.decimal('the score');
      if (!Number.isFinite(scores[line])) throw lines.problem('the score is beyond what float32 holds');
      lines.done();
    }
  });
  const images = names.length;
  return { names, landmarks: landmarks.slice(0, images * 10), scores: scores.slice(0, images) };
}

/** Room for one line's coordinates, as many as the first line has. */
function pointsOf(lines: MetaLines): Float64Array {
  const numbers = lines.left();
  if (numbers === 11 || numbers === 137) return new Float64Array(numbers - 1);
  throw lines.problem(`${numbers} numbers follow the name; x and y of 5 points, or of 68, and a score are wanted`);
}

async function readPairs(file: string, has: (template: number) => boolean, faces: string): Promise<TemplatePairs> {
  let first = new Int32Array(0);
  let second = new Int32Array(0);
  let same = new Uint8Array(0);
  let count = 0;
  await readMetaLines(file, (lines) => {
    const room = lines.capacity(same.length, '0 0 0\n'.length);
    first = resized(first, room);
    second = resized(second, room);
    same = resized(same, room);
    while (lines.more()) {
      const a = lines.count('the first template');
      const b = lines.count('the second template');
      const label = lines.count('the label');
      if (label > 1) throw lines.problem(`the label is ${label}; it must be 1 for the same person or 0`);
      if (!has(a) || !has(b)) throw lines.problem(`template ${has(a) ? b : a} has no images in ${faces}`);
      first[count] = a;
      second[count] = b;
      same[count++] = label;
      lines.done();
    }
  });
  if (count === 0) throw new UserError(`${file} is empty: it has a line for each pair of templates.`, 1);
  // Not copied: these are the largest by far, and their room was measured.
  return { first: first.subarray(0, count), second: second.subarray(0, count), same: same.subarray(0, count) };
}

/** Whether a template has images: by a table, unless ids lie so far apart that it would be large for nothing. */
function membership(templates: Int32Array, distinct: ReadonlySet<number>): (template: number) => boolean {
  const end = templates.reduce((largest, id) => Math.max(largest, id), -1) + 1;
  if (end > 16 * templates.length + 1024) return (template) => distinct.has(template);
  const table = new Uint8Array(end);
  for (const template of distinct) table[template] = 1;
  return (template) => table[template] === 1;
}

interface Numbers<T> {
  readonly length: number;
  set(values: T): void;
}

/** The numbers in an array of that length: the same one where it has it. */
function resized<T extends Numbers<T>>(values: T, length: number): T {
  if (values.length >= length) return values;
  const larger = new (values.constructor as new (length: number) => T)(length);
  larger.set(values);
  return larger;
}
