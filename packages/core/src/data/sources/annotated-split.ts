import { join } from 'node:path';
import { isFile } from '../../system/archive';
import { nameOf } from '../../system/file-name';
import { UserError } from '../../system/user-error';
import { type Refuse, readBytes, refusal, shown } from '../../weights/refusal';
import type { ClassListing } from './class-listing';
import { type ListOptions, listTree } from './tree-listing';

/** Tiny ImageNet's list of the classes of its validation images: name, WordNet id, and a box, with tabs between them. */
const annotations = 'val_annotations.txt';

/** Whether a split is one folder of images with a list of their classes, as Tiny ImageNet's `val/` is. */
export const hasAnnotations = (split: string): boolean => isFile(join(split, annotations));

/**
 * Lists `<split>/images/*` (or `<split>/*`) with the classes in `<split>/val_annotations.txt`, sorted by name.
 * @throws UserError for a damaged list, and unless images and lines correspond one to one
 */
export async function listAnnotated(
  split: string,
  classNames: readonly string[],
  options: ListOptions,
): Promise<ClassListing> {
  const file = join(split, annotations);
  const refuse = refusal(file, 'a list of the classes of images');
  const classOf = parseAnnotations(nameOf(readBytes(file)), refuse);
  const tree = await listTree(split, options);
  const images = [...tree].flatMap(([path, listing]) =>
    listing.images.map((name, i) => ({
      name,
      path: path === '' ? name : `${path}/${name}`,
      stamp: listing.stamps[i] as string,
    })),
  );
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const labels = images.map(({ name, path }) => {
    const id = classOf.get(name);
    if (id === undefined) throw new UserError(`${join(split, path)} is not in ${annotations}.`, 1);
    const label = labelOf.get(id);
    if (label === undefined) throw refuse(`${name} is of class ${shown(id)}, which the training images lack`);
    return label;
  });
  const there = new Set(images.map(({ name }) => name));
  const missing = [...classOf.keys()].find((name) => !there.has(name));
  if (missing !== undefined) {
    throw new UserError(
      `${split} lacks ${classOf.size - there.size} of the ${classOf.size} images in ${annotations}; the first is ${shown(missing)}.`,
      1,
    );
  }
  return {
    root: split,
    classNames,
    labels: Int32Array.from(labels),
    stamps: images.map(({ stamp }) => stamp),
    path: (i) => (images[i] as (typeof images)[number]).path,
    notes: [],
  };
}

/** Parses lines `val_0.JPEG<tab>n03444034<tab>0<tab>32<tab>44<tab>62`. @throws UserError that names the line */
export function parseAnnotations(content: string, refuse: Refuse): ReadonlyMap<string, string> {
  const classes = new Map<string, string>();
  for (const [i, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [name, id] = line.split('\t').map((word) => word.trim());
    if (!name || !id || name.includes('/')) {
      throw refuse(`its line ${i + 1} is '${shown(line)}' instead of <image><tab><class>...`);
    }
    if (classes.has(name)) throw refuse(`its line ${i + 1} names ${shown(name)} a second time`);
    classes.set(name, id);
  }
  if (classes.size === 0) throw refuse('it is empty');
  return classes;
}
