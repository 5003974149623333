import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isFolder, notAFolder } from '../../system/archive';
import { type ImageSize, imageSize, sizeWords } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import { checkRead, type ImageDataset, imageBytes } from '../dataset';
import { readIdx } from './idx-file';

/** A set of grey images in MNIST's files. */
export interface IdxKind {
  readonly name: string;
  readonly title: string;
  /** By label. */
  readonly classNames: readonly string[];
  /** Folders below the given one in which the files may lie; '' is the given one. */
  readonly places: readonly string[];
  /** Where to get it: ends a sentence. */
  readonly from: string;
}

/** `train-images-idx3-ubyte.gz`, `t10k-labels.idx1-ubyte`, `emnist-digits-test-images-idx3-ubyte`. */
const fileName = /^(?:(.+)-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/i;
const parts = ['train-images', 'train-labels', 'test-images', 'test-labels'] as const;
type Part = (typeof parts)[number];

/** Whether a folder has at least one file of the set. */
export const looksLikeIdx = (folder: string, { places }: Pick<IdxKind, 'places'>): boolean =>
  places.some((place) => filesIn(join(folder, place)).size > 0);

/**
 * Opens the images in memory, as RGB with three equal channels. The number of images is not checked.
 * @throws UserError for files that are missing or damaged, or do not match
 */
export function openIdx(folder: string, kind: IdxKind) {
  if (!isFolder(folder)) throw notAFolder(folder);
  const files = findFiles(folder, kind);
  const open = (split: 'train' | 'test') =>
    dataset(
      `${kind.name}-${split}`,
      kind,
      files.get(`${split}-images`) as string,
      files.get(`${split}-labels`) as string,
    );
  const [train, test] = [open('train'), open('test')];
  if (train.size !== test.size) {
    throw new UserError(
      `The training images of ${folder} are of ${sizeWords(train.size)} pixels, and the test images of ${sizeWords(test.size)}.`,
      1,
    );
  }
  return { train, test, classNames: kind.classNames };
}

function findFiles(folder: string, { places, title, from }: IdxKind): ReadonlyMap<Part, string> {
  const found = places.map((place) => filesIn(join(folder, place)));
  const whole = found.find(({ size }) => size === parts.length);
  if (whole) return whole;
  const partial = found.find(({ size }) => size > 0);
  const missing = parts.filter((part) => !partial?.has(part)).map(publishedName);
  throw new UserError(`${folder} lacks ${missing.join(', ')} (with or without .gz) of ${title}: ${from}.`, 1);
}

const publishedName = (part: Part): string =>
  `${part.replace('test', 't10k')}-idx${part.endsWith('images') ? 3 : 1}-ubyte`;

/** The files of the first set in a folder by part; unpacked files come before compressed ones. */
function filesIn(folder: string): ReadonlyMap<Part, string> {
  if (!isFolder(folder)) return new Map();
  const matches = readdirSync(folder)
    .map((name) => ({ name, match: fileName.exec(name) }))
    .filter(({ match }) => match !== null)
    .sort((a, b) => Number(Boolean(b.match?.[4])) - Number(Boolean(a.match?.[4])) || (a.name < b.name ? 1 : -1));
  const prefix = matches.map(({ match }) => match?.[1] ?? '').sort()[0];
  return new Map(
    matches
      .filter(({ match }) => (match?.[1] ?? '') === prefix)
      .map(({ name, match }) => {
        const split = match?.[2]?.toLowerCase() === 'train' ? 'train' : 'test';
        return [`${split}-${match?.[3]?.toLowerCase()}` as Part, join(folder, name)];
      }),
  );
}

function dataset(name: string, { title, classNames }: IdxKind, imageFile: string, labelFile: string): ImageDataset {
  const { shape, values: pixels } = readIdx(imageFile, 3);
  const { values } = readIdx(labelFile, 1);
  const [count = 0, height = 0, width = 0] = shape;
  if ([height, width].some((side) => side < 16 || side > 512)) {
    throw new UserError(`${imageFile} has images of ${height} x ${width} pixels: 16 to 512 are read.`, 1);
  }
  if (values.length !== count) {
    throw new UserError(`${imageFile} has ${count} images, but ${labelFile} has ${values.length} labels.`, 1);
  }
  const wrong = values.findIndex((label) => label >= classNames.length);
  if (wrong >= 0) {
    throw new UserError(
      `${labelFile} has the label ${values[wrong]} at ${wrong}, but ${title} has labels 0 to ${classNames.length - 1}.`,
      1,
    );
  }
  const labels = Int32Array.from(values);
  const fingerprint = createHash('sha256').update(`${name} ${height} ${width}\n`).update(labels).update(pixels);
  const size: ImageSize = imageSize({ height, width });
  const described = {
    name,
    classes: classNames.length,
    size,
    labels,
    fingerprint: fingerprint.digest('hex').slice(0, 24),
  };
  const perImage = height * width;
  const bytes = imageBytes(described);
  return {
    ...described,
    read: async (indices, target) => {
      checkRead(described, indices, target);
      for (let i = 0; i < indices.length; i++) {
        const from = (indices[i] as number) * perImage;
        for (let pixel = 0, to = i * bytes; pixel < perImage; pixel++, to += 3) {
          target.fill(pixels[from + pixel] as number, to, to + 3);
        }
      }
    },
    close: async () => undefined,
  };
}
