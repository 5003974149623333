import type { ImageLocation } from '@headshare/core/data/sources/image-source';
import { UserError } from '@headshare/core/system/user-error';
import { shown } from '@headshare/core/weights/refusal';

/** Contents of the files. All lines begin with an id from 1 on, by which the files are joined. */
export interface CubTables {
  /** `<image id> <class folder>/<file>` */
  readonly images: string;
  /** `<image id> <class id>` */
  readonly labels: string;
  /** `<image id> <1 train, 0 test>` */
  readonly split: string;
  /** `<class id> <class folder>` */
  readonly classes: string;
  /** `<image id> <left> <top> <width> <height>` in pixels */
  readonly boxes?: string;
}

export interface CubEntry {
  /** Relative to the folder of images. */
  readonly path: string;
  readonly label: number;
  readonly train: boolean;
  /** In whole pixels; it may extend beyond the image, or lie outside it. */
  readonly box?: NonNullable<ImageLocation['box']>;
}

/** Joins the files; images are in the order of their ids. @throws UserError that names file and line, or wrong ids */
export function joinTables(
  tables: CubTables,
  folder: string,
): { readonly classNames: readonly string[]; readonly entries: readonly CubEntry[] } {
  const table = <T>(file: string, content: string, form: string, read: (text: string) => T | undefined) =>
    parseTable(`${folder}/${file}`, content, form, read);
  const classes = table('classes.txt', tables.classes, '<class id> <class name>', nameOf);
  const images = table('images.txt', tables.images, '<image id> <class folder>/<file>', pathOf);
  const labels = table('image_class_labels.txt', tables.labels, '<image id> <class id>', idOf);
  const split = table('train_test_split.txt', tables.split, '<image id> <1 or 0>', (text) =>
    text === '1' ? true : text === '0' ? false : undefined,
  );
  const boxes =
    tables.boxes === undefined
      ? undefined
      : table('bounding_boxes.txt', tables.boxes, '<image id> <x> <y> <width> <height>', boxOf);
  const classIds = [...classes.keys()].sort((a, b) => a - b);
  const labelOf = new Map(classIds.map((id, label) => [id, label]));
  sameIds(folder, images, {
    'image_class_labels.txt': labels,
    'train_test_split.txt': split,
    'bounding_boxes.txt': boxes,
  });
  const entries = [...images.keys()]
    .sort((a, b) => a - b)
    .map((id): CubEntry => {
      const classId = labels.get(id) as number;
      const label = labelOf.get(classId);
      if (label === undefined) {
        throw new UserError(
          `${folder}/image_class_labels.txt gives image ${id} the class ${classId}, which classes.txt lacks.`,
          1,
        );
      }
      return { path: images.get(id) as string, label, train: split.get(id) as boolean, box: boxes?.get(id) };
    });
  for (const part of [true, false]) {
    const seen = new Set(entries.filter(({ train }) => train === part).map(({ label }) => label));
    const empty = classIds.filter((_, label) => !seen.has(label)).map((id) => classes.get(id));
    if (empty.length > 0) {
      const which = part ? 'training' : 'test';
      throw new UserError(`${folder} has no ${which} image of ${empty.length} classes; the first is ${empty[0]}.`, 1);
    }
  }
  return { classNames: classIds.map((id) => classes.get(id) as string), entries };
}

/** Parses lines of an id and a value; skips blank ones. @throws UserError for other lines, and for repeated ids */
function parseTable<T>(
  file: string,
  content: string,
  form: string,
  read: (text: string) => T | undefined,
): ReadonlyMap<number, T> {
  const rows = new Map<number, T>();
  for (const [i, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [, digits, rest] = /^\s*(\d{1,9})[ \t]+(.*\S)\s*$/.exec(line) ?? [];
    const value = rest === undefined ? undefined : read(rest);
    if (value === undefined) throw new UserError(`${file}, line ${i + 1}: '${shown(line)}' should be '${form}'.`, 1);
    const id = Number(digits);
    if (rows.has(id)) throw new UserError(`${file}, line ${i + 1}: the id ${id} occurs a second time.`, 1);
    rows.set(id, value);
  }
  if (rows.size === 0) throw new UserError(`${file} is empty.`, 1);
  return rows;
}

const idOf = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
const nameOf = (text: string): string => shown(text);

/** Refuses paths that leave the folder of images. */
const pathOf = (text: string): string | undefined =>
  text.startsWith('/') ||
  text.includes('\0') ||
  text.split('/').some((part) => part === '..' || part === '' || part === '.')
    ? undefined
    : text;

function boxOf(text: string): NonNullable<ImageLocation['box']> | undefined {
  const [left, top, width, height, ...more] = text
    .split(/[ \t]+/)
    .map((number) => (/^-?\d+(\.\d*)?$/.test(number) ? Number(number) : Number.NaN));
  if (left === undefined || top === undefined || width === undefined || height === undefined || more.length > 0)
    return undefined;
  if (![left, top, width, height].every((number) => Math.abs(number) < 1e6) || width < 0 || height < 0)
    return undefined;
  const [x, columns] = wholePixels(left, width);
  const [y, rows] = wholePixels(top, height);
  return [x, y, columns, rows];
}

/**
 * Start and length in whole pixels. A length is at least one, but 0 stays 0: who opens the picture refuses it and names both. A
 * start before the picture becomes 0, if something of the box is left.
 */
function wholePixels(from: number, length: number): readonly [start: number, length: number] {
  const [start, end] = [Math.round(from), Math.round(from + length)];
  const first = end > 0 ? Math.max(0, start) : start;
  return [first, length === 0 ? 0 : Math.max(1, end - first)];
}

function sameIds(
  folder: string,
  images: ReadonlyMap<number, unknown>,
  others: Record<string, ReadonlyMap<number, unknown> | undefined>,
): void {
  for (const [file, rows] of Object.entries(others)) {
    if (!rows) continue;
    const lacking = [...images.keys()].find((id) => !rows.has(id));
    if (lacking !== undefined) throw new UserError(`${folder}/${file} lacks image ${lacking} of images.txt.`, 1);
    const extra = [...rows.keys()].find((id) => !images.has(id));
    if (extra !== undefined) throw new UserError(`${folder}/${file} has image ${extra}, which images.txt lacks.`, 1);
  }
}
