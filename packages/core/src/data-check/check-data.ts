import { type CheckedPicture, checkPictures } from '../data/pipeline/check-pictures';
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
  { cacheFolder, sample, whole = false, sheet }: CheckOptions,
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
  for (const remark of remarksOn(opened)) print(remark);
  const splits = splitsOf(opened).map(([, split]) => split);
  const found: CheckedPicture[] = [];
  let probed = 0;
  for (const split of splits.filter(isSource)) {
    const onProgress = (done: number, total: number) => show(done, total, split.name);
    const indices = spread(split.labels.length, sample ?? Number.POSITIVE_INFINITY);
    found.push(...(await checkPictures(split, indices, { whole }, onProgress)));
    probed += indices.length;
  }
  progress.clear();
  const unreadable = found.filter(({ problem }) => problem !== undefined);
  if (probed > 0) {
    print(`${whole ? 'Decoded' : 'Looked into the headers of'} ${probed} images: ${unreadable.length} cannot be read.`);
  }
  printFirst(unreadable, ({ place, problem }) => `${place}: ${problem}`, print);
  const clipped = found.filter((one) => one.clipped);
  if (clipped.length > 0) {
    print(`${clipped.length} boxes reach beyond their images; training uses the part within:`);
    printFirst(clipped, describeClipped, print);
  }
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

function printFirst<T>(all: readonly T[], describe: (one: T) => string, print: (line: string) => void): void {
  for (const one of all.slice(0, mostNamed)) print(`  ${describe(one)}`);
  if (all.length > mostNamed) print(`  and ${all.length - mostNamed} more`);
}

function describeClipped({ place, clipped }: CheckedPicture): string {
  const [left = 0, top = 0, width = 0, height = 0] = clipped?.box ?? [];
  return `${place}: left ${left}, top ${top}, ${width} x ${height} of ${clipped?.picture.width} x ${clipped?.picture.height}`;
}

const remarksOn = ({ other, remarks = [], testNote }: OpenedData): readonly string[] => [
  ...(other === undefined ? [] : [other]),
  ...remarks,
  ...(testNote === undefined ? [] : [`The test images are ${testNote}.`]),
];

/** All splits with their titles. */
function splitsOf({ train, test, others = [] }: OpenedData): (readonly [string, Split])[] {
  return [
    ...(train ? [['train', train] as const] : []),
    ...(test ? [['test', test] as const] : []),
    ...others.map((split) => [split.name, split] as const),
  ];
}

function countsTable(kind: DataKind, opened: OpenedData): Table {
  const published = opened.other === undefined ? kind.published : undefined;
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

function wrongCounts({ published, title }: DataKind, { train, test, other }: OpenedData): string[] {
  if (!published || other !== undefined) return [];
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

/** `count` whole numbers in [0, total), evenly spread; all of them if there are no more. */
export function spread(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}
