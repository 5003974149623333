import sharp from 'sharp';
import { type ImageSource, readImage } from '../data/sources/image-source';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { makeProgress } from '../system/progress';
import { contactSheet, thumbnails } from './contact-sheet';
import { type DataKind, isSource, type OpenedData, type Split } from './data-kind';

interface CheckOptions {
  readonly cacheFolder?: string;
  /** How many images of each split to probe, evenly spread; default: all. */
  readonly sample?: number;
  /** Decodes all pixels instead of the header alone, and so finds files that are cut off; default false. */
  readonly whole?: boolean;
  /** A PNG file to draw some of the images into. */
  readonly sheet?: string;
}

// More file names would not help.
const mostNamed = 20;
const sheetRows = 8;
const sheetColumns = 10;

/**
 * Opens a dataset, counts and probes its images, and prints the result.
 * @returns whether it is complete: every file is readable, and the counts are as published
 * @throws UserError if the dataset cannot be opened
 */
export async function checkData(
  kind: DataKind,
  folder: string,
  { cacheFolder, sample, whole, sheet }: CheckOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const progress = makeProgress('check');
  const show = (done: number, total: number, text: string) => progress.update({ done, total, unit: 'images', text });
  const expected = kind.published && kind.published.train + kind.published.test;
  const opened = await kind.open(folder, {
    cacheFolder,
    onProgress: (images) => show(images, Math.max(images, expected ?? 0), 'listing'),
  });
  progress.clear();
  print(`${kind.title} in ${folder}`);
  print(terminalTable(countsTable(kind, opened)));
  for (const remark of opened.remarks ?? []) print(remark);
  const splits = splitsOf(opened).map(([, split]) => split);
  const unreadable: Unreadable[] = [];
  let probed = 0;
  for (const split of splits.filter(isSource)) {
    const onProgress = (done: number, total: number) => show(done, total, split.name);
    unreadable.push(...(await unreadableImages(split, { sample, whole }, onProgress)));
    probed += Math.min(split.labels.length, sample ?? split.labels.length);
  }
  progress.clear();
  if (probed > 0) {
    print(`${whole ? 'Decoded' : 'Looked into the headers of'} ${probed} images: ${unreadable.length} cannot be read.`);
  }
  for (const { file, why } of unreadable.slice(0, mostNamed)) print(`  ${file}: ${why}`);
  if (unreadable.length > mostNamed) print(`  and ${unreadable.length - mostNamed} more`);
  const [shown] = splits;
  if (sheet !== undefined && shown) {
    const images = isSource(shown) ? thumbnails(shown, 64) : shown;
    await contactSheet(images, sheetOf(shown.labels, shown.classes), sheet, isSource(shown) ? 1 : 2);
    print(`Some of the images, one row per class: ${sheet}`);
  }
  const faults = [...(opened.faults ?? []), ...wrongCounts(kind, opened)];
  for (const line of faults) print(line);
  return unreadable.length === 0 && faults.length === 0;
}

/** All splits with their titles. */
function splitsOf({ train, test, others = [] }: OpenedData): (readonly [string, Split])[] {
  return [
    ...(train ? [['train', train] as const] : []),
    ...(test ? [['test', test] as const] : []),
    ...others.map((split) => [split.name, split] as const),
  ];
}

function countsTable({ published }: DataKind, opened: OpenedData): Table {
  const rows = splitsOf(opened).map(([title, split]) => {
    const counts = new Array<number>(split.classes).fill(0);
    for (const label of split.labels) counts[label] = (counts[label] ?? 0) + 1;
    const wanted = title === 'train' || title === 'test' ? published?.[title] : undefined;
    const fewest = counts.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY);
    const most = counts.reduce((largest, count) => Math.max(largest, count), 0);
    return [title, split.labels.length, wanted, counts.filter((count) => count > 0).length, fewest, most];
  });
  const columns = ['images', 'published', 'classes', 'fewest in a class', 'most'];
  return { columns: [{ title: 'split' }, ...columns.map((title) => ({ title, digits: 0 }))], rows };
}

function wrongCounts({ published, title }: DataKind, { train, test }: OpenedData): string[] {
  if (!published) return [];
  const pairs = [
    ['classes', train?.classes, published.classes],
    ['training images', train?.labels.length, published.train],
    ['test images', test?.labels.length, published.test],
  ] as const;
  return pairs
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `${title} is not complete: ${found ?? 0} ${what} instead of ${wanted}.`);
}

/** Indices of the first images of a few evenly spread classes. */
function sheetOf(labels: Int32Array, classes: number): number[][] {
  const rows = new Map<number, number[]>();
  const count = Math.min(sheetRows, classes);
  for (let row = 0; row < count; row++) rows.set(Math.floor((row * classes) / count), []);
  for (const [i, label] of labels.entries()) {
    const row = rows.get(label);
    if (row && row.length < sheetColumns) row.push(i);
  }
  return [...rows.values()];
}

/** `why`: the first line of the decoder's error. */
type Unreadable = Readonly<Record<'file' | 'why', string>>;

// A few more than there are threads to decode.
const parallel = 16;

/** The images of a source that cannot be decoded, in its order. */
export async function unreadableImages(
  source: ImageSource,
  { sample = Number.POSITIVE_INFINITY, whole = false }: Pick<CheckOptions, 'sample' | 'whole'> = {},
  onProgress?: (done: number, total: number) => void,
): Promise<Unreadable[]> {
  const indices = spread(source.labels.length, sample);
  const found: (Unreadable | undefined)[] = [];
  for (let from = 0; from < indices.length; from += parallel) {
    const part = indices.slice(from, from + parallel);
    found.push(...(await Promise.all(part.map((index) => probe(source, index, whole)))));
    onProgress?.(found.length, indices.length);
  }
  return found.filter((it) => it !== undefined);
}

/** `count` whole numbers in [0, total), evenly spread; all of them if there are no more. */
export function spread(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}

async function probe(source: ImageSource, index: number, whole: boolean): Promise<Unreadable | undefined> {
  const location = source.locate(index);
  try {
    // Given a file, the decoder reads no more than it needs.
    const image = sharp(location.offset === undefined ? location.file : await readImage(location), {
      failOn: 'truncated',
    });
    if (whole) await image.stats();
    else await image.metadata();
    return undefined;
  } catch (error) {
    const [why = 'unknown'] = (error as Error).message.split('\n');
    const { file, offset } = location;
    return { file: offset === undefined ? file : `${file} at byte ${offset}`, why };
  }
}
