import { UserError } from '@headshare/core/system/user-error';
import { rowLookup } from '../../sorted-search';
import { type MetaLines, readMetaLines } from './meta-lines';
import { type IjbCounts, type IjbPaths, publishedCounts, type SetName, setTitles } from './sets';

/** The faces of IJB-B or IJB-C, one entry an image, in the order of the meta files' lines. */
export interface IjbImages {
  /** File names within the folder of loosely cropped faces. */
  readonly names: readonly string[];
  /** [images, 5, 2]: left eye, right eye, nose, left and right mouth corner; x right, y down, in pixels. */
  readonly landmarks: Float64Array;
  /** The file that the landmarks are from. */
  readonly landmarksFile: string;
  /** The template of each image; ids may have gaps. */
  readonly templates: Int32Array;
  /** The photograph or video of each image; the same id may occur in several templates. */
  readonly medias: Int32Array;
  /** The detector's confidence. */
  readonly scores: Float32Array;
}

/** Pair k compares template `first[k]` with template `second[k]`. */
export interface TemplatePairs {
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** 1: the same person, 0: different people. */
  readonly same: Uint8Array;
}

export interface IjbMeta {
  readonly images: IjbImages;
  readonly pairs: TemplatePairs;
  readonly counts: IjbCounts;
  /** Properties that the protocol accepts, but that may be mistakes. */
  readonly oddities: {
    /** Lines whose names differ in the two files of images, which are joined by line number. */
    readonly otherNames: number;
    /** Images that occur more than once in the same template, and so count more than once. */
    readonly repeated: number;
  };
}

/**
 * Reads the three meta files of IJB-B or IJB-C as insightface distributes them.
 * @throws UserError with file and line for malformed lines, for files of images that differ in length, for pairs of
 *   templates without images, and for pairs that are all of one kind
 */
export async function readIjbMeta(paths: Pick<IjbPaths, 'faces' | 'landmarks' | 'pairs'>): Promise<IjbMeta> {
  const { names: listed, templates, medias } = await readFaces(paths.faces);
  const { names, landmarks, scores } = await readLandmarks(paths.landmarks);
  if (names.length !== listed.length) {
    throw new UserError(
      `${paths.faces} has ${listed.length} lines, but ${paths.landmarks} has ${names.length}; both need a line for each image.`,
      1,
    );
  }
  if (names.length === 0) throw new UserError(`${paths.faces} is empty; it needs a line for each image.`, 1);
  const distinct = Int32Array.from(new Set(templates)).sort();
  const pairs = await readPairs(paths.pairs, rowLookup(distinct), paths.faces);
  const same = pairs.same.reduce((sum, one) => sum + one, 0);
  requireBothKinds(paths.pairs, same, pairs.same.length);
  return {
    images: { names, landmarks, landmarksFile: paths.landmarks, templates, medias, scores },
    pairs,
    counts: { images: names.length, templates: distinct.length, pairs: pairs.same.length, same },
    oddities: {
      otherNames: names.reduce((sum, name, i) => sum + (name === listed[i] ? 0 : 1), 0),
      repeated: names.length - new Set(names.map((name, i) => `${templates[i]} ${name}`)).size,
    },
  };
}

/** TAR and FAR are shares of the pairs of either kind. */
function requireBothKinds(file: string, same: number, pairs: number): void {
  if (same > 0 && same < pairs) return;
  const [label, all, lacking] =
    same === 0 ? [0, 'different people', 'the same person'] : [1, 'the same person', 'different people'];
  throw new UserError(
    `${file} has no pair of ${lacking}: all its ${pairs} pairs have the label ${label}, ${all}, and the evaluation needs pairs of both kinds.`,
    1,
  );
}

/** Logs the size of a set and anything unusual about it. */
export function describeMeta({ counts, oddities }: IjbMeta, set: SetName, log: (line: string) => void): void {
  const { images, templates, pairs, same } = counts;
  log(`${setTitles[set]}: ${images} images, ${templates} templates, ${pairs} pairs, ${same} of them of one person`);
  const published = publishedCounts[set];
  const other = (['images', 'templates', 'pairs', 'same'] as const).filter((name) => counts[name] !== published[name]);
  if (other.length > 0) {
    log(`Not the published set, which has ${other.map((name) => `${published[name]} ${name}`).join(', ')}`);
  }
  if (oddities.otherNames > 0) {
    log(`${oddities.otherNames} lines name different images in the two files, which are joined by line number`);
  }
  if (oddities.repeated > 0) log(`${oddities.repeated} images occur more than once in their template, and count so`);
}

/** Logs how many images have embeddings of zeros, which change no template. */
export function describeZeros(zeros: ReadonlySet<number>, { images }: IjbMeta, log: (line: string) => void): void {
  if (zeros.size === 0) return;
  const [first = 0] = zeros;
  log(
    `${zeros.size} of ${images.names.length} embeddings are all zeros, the first that of line ${first + 1}, ${images.names[first]}: these images count for nothing`,
  );
}

async function readFaces(file: string) {
  const names: string[] = [];
  let templates = new Int32Array(0);
  let medias = new Int32Array(0);
  await readMetaLines(file, (lines) => {
    const capacity = lines.capacity(templates.length, 'a 0 0\n'.length);
    templates = resized(templates, capacity);
    medias = resized(medias, capacity);
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
  let landmarks = new Float64Array(0);
  let scores = new Float32Array(0);
  let read: Float64Array | undefined;
  await readMetaLines(file, (lines) => {
    const capacity = lines.capacity(scores.length, 'a 0 0 0 0 0 0 0 0 0 0 0\n'.length);
    landmarks = resized(landmarks, capacity * 10);
    scores = resized(scores, capacity);
    while (lines.more()) {
      const { line } = lines;
      names.push(lines.word('the name of an image'));
      read ??= roomForPoints(lines);
      for (let i = 0; i < read.length; i++) read[i] = lines.decimal('a coordinate');
      landmarks.set(fivePoints(read), line * 10);
      scores[line] = lines.decimal('the score');
      if (!Number.isFinite(scores[line])) throw lines.problem('the score is too large for float32');
      lines.done();
    }
  });
  const images = names.length;
  return { names, landmarks: landmarks.slice(0, images * 10), scores: scores.slice(0, images) };
}

/** Room for one line's coordinates, as many as the first line has. */
function roomForPoints(lines: MetaLines): Float64Array {
  const numbers = lines.left();
  if (numbers === 11 || numbers === 137) return new Float64Array(numbers - 1);
  throw lines.problem(`${numbers} numbers follow the name instead of x and y of 5 points, or of 68, and a score`);
}

/** Indices among 68 points (iBUG's order): corners of the eyes, tip of the nose, corners of the mouth. */
const [leftEye, rightEye, nose, mouth] = [[36, 39], [42, 45], 30, [48, 54]] as const;

/**
 * Reduces 68 points to five: left eye, right eye, nose, mouth corners. An eye is the middle between its corners, as in
 * insightface's alignment.
 * @param points x and y of 5 points, which are returned unchanged, or of 68
 */
export function fivePoints(points: Float64Array): Float64Array {
  if (points.length !== 136) return points;
  const at = (point: number, axis: number) => points[point * 2 + axis] as number;
  const five = new Float64Array(10);
  for (const axis of [0, 1]) {
    five[axis] = (at(leftEye[0], axis) + at(leftEye[1], axis)) / 2;
    five[2 + axis] = (at(rightEye[0], axis) + at(rightEye[1], axis)) / 2;
    five[4 + axis] = at(nose, axis);
    five[6 + axis] = at(mouth[0], axis);
    five[8 + axis] = at(mouth[1], axis);
  }
  return five;
}

async function readPairs(file: string, rowOf: (template: number) => number, faces: string): Promise<TemplatePairs> {
  let first = new Int32Array(0);
  let second = new Int32Array(0);
  let same = new Uint8Array(0);
  let count = 0;
  await readMetaLines(file, (lines) => {
    const capacity = lines.capacity(same.length, '0 0 0\n'.length);
    first = resized(first, capacity);
    second = resized(second, capacity);
    same = resized(same, capacity);
    while (lines.more()) {
      const a = lines.count('the first template');
      const b = lines.count('the second template');
      const label = lines.count('the label');
      if (label > 1) throw lines.problem(`the label is ${label}; it must be 1 for the same person or 0`);
      if (rowOf(a) < 0) throw lines.problem(`template ${a} has no images in ${faces}`);
      if (rowOf(b) < 0) throw lines.problem(`template ${b} has no images in ${faces}`);
      first[count] = a;
      second[count] = b;
      same[count++] = label;
      lines.done();
    }
  });
  if (count === 0) throw new UserError(`${file} is empty; it needs a line for each pair of templates.`, 1);
  // Not copied: these arrays are by far the largest, and their capacity is close to their length.
  return { first: first.subarray(0, count), second: second.subarray(0, count), same: same.subarray(0, count) };
}

/** The values in an array of at least that length: the same array if it is long enough. */
function resized<T extends { readonly length: number; set(values: T): void }>(values: T, length: number): T {
  if (values.length >= length) return values;
  const larger = new (values.constructor as new (length: number) => T)(length);
  larger.set(values);
  return larger;
}
