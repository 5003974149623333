import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { type ClassListing, classSource, listClasses, some } from './class-listing';
import type { ImageSource } from './image-source';
import type { ListOptions } from './tree-listing';

export interface ClassFolderOptions extends ListOptions {
  /** Of each class, where there is no folder of test images: the part of it that is held out, in (0, 1); default 0.2. */
  readonly testPart?: number;
  /** Draws the images that are held out; default 0. */
  readonly seed?: number;
}

export interface TrainAndTest {
  readonly train: ImageSource;
  readonly test: ImageSource;
}

const testNames = ['val', 'test', 'validation', 'valid'];

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * Images in folders by class: `train/<class>/*` and `val/<class>/*` (or test), or `<class>/*` alone, of which
 * `testPart` of each class is then held out. Classes are sorted by code units of their names.
 * @throws UserError for folders that are missing, empty, or of no class
 */
export async function openClassFolders(folder: string, options: ClassFolderOptions = {}): Promise<TrainAndTest> {
  if (!isFolder(folder))
    throw new UserError(`${folder} is no folder: it should hold train/<class>/ and val/<class>/.`, 1);
  const name = basename(resolve(folder));
  if (!isFolder(join(folder, 'train'))) return split(name, await listClasses(folder, '', options), options);
  const testName = testNames.find((it) => isFolder(join(folder, it)));
  if (testName === undefined) {
    throw new UserError(`${folder} has a folder train, but none of test images: ${testNames.join(', ')}.`, 1);
  }
  const train = await listClasses(folder, 'train', options);
  const found = train.sizes.length;
  const onProgress = options.onProgress && ((images: number) => options.onProgress?.(found + images));
  const test = await listClasses(folder, testName, { ...options, onProgress }, train.classNames);
  return { train: classSource(`${name}-train`, train), test: classSource(`${name}-test`, test) };
}

/** Holds the same part of every class out, at least one image and never all. */
function split(name: string, listing: ClassListing, { testPart = 0.2, seed = 0 }: ClassFolderOptions): TrainAndTest {
  if (!(testPart > 0 && testPart < 1))
    throw new RangeError(`The part held out must be within 0 and 1, not ${testPart}`);
  const { classNames, starts, sizes } = listing;
  const held = new Uint8Array(sizes.length);
  const single = classNames.filter((_, label) => (starts[label + 1] as number) - (starts[label] as number) < 2);
  if (single.length > 0) {
    throw new UserError(`${listing.root} has classes of one image, none of which can be held out: ${some(single)}.`, 1);
  }
  for (const [label, className] of classNames.entries()) {
    const first = starts[label] as number;
    const count = (starts[label + 1] as number) - first;
    const order = stream(seed, 'held out', className).shuffle(Int32Array.from({ length: count }, (_, i) => first + i));
    const part = Math.min(count - 1, Math.max(1, Math.round(count * testPart)));
    for (const i of order.subarray(0, part)) held[i] = 1;
  }
  const all = Int32Array.from(sizes, (_, i) => i);
  return {
    train: classSource(
      `${name}-train`,
      listing,
      all.filter((i) => held[i] === 0),
    ),
    test: classSource(
      `${name}-test`,
      listing,
      all.filter((i) => held[i] === 1),
    ),
  };
}
