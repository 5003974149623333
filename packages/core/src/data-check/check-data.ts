import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { makeProgress } from '../system/progress';
import { contactSheet, thumbnails } from './contact-sheet';
import { type DataKind, isSource, type OpenedData, type Split } from './data-kind';
import { type Unreadable, unreadableImages } from './unreadable';

export interface CheckOptions {
  readonly cacheFolder?: string;
  readonly sample?: number;
  readonly whole?: boolean;
  /** A picture of some images is written here. */
  readonly sheet?: string;
}

// Names of more files than these help nobody.
const mostNamed = 20;
const sheetRows = 8;
const sheetColumns = 10;

/**
 * Opens a data set, counts, looks into its images, and prints what there is.
 * Returns whether it is whole: no file is unreadable, and counts are those published.
 * @throws UserError for what `open` refuses
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
  for (const split of splits) {
    if (!isSource(split)) continue;
    unreadable.push(
      ...(await unreadableImages(split, { sample, whole, onProgress: (done, total) => show(done, total, split.name) })),
    );
  }
  progress.clear();
  const looked = splits
    .filter(isSource)
    .reduce((sum, { labels }) => sum + Math.min(labels.length, sample ?? labels.length), 0);
  if (looked > 0) {
    print(`${whole ? 'Decoded' : 'Looked into the headers of'} ${looked} images: ${unreadable.length} cannot be read.`);
  }
  for (const { file, why } of unreadable.slice(0, mostNamed)) print(`  ${file}: ${why}`);
  if (unreadable.length > mostNamed) print(`  and ${unreadable.length - mostNamed} more`);
  const [shown] = splits;
  if (sheet !== undefined && shown) {
    const images = isSource(shown) ? thumbnails(shown, 64) : shown;
    await contactSheet(images, sheetOf(shown.labels, shown.classes), sheet, isSource(shown) ? 1 : 2);
    print(`Some of its images, a row for each of a few classes: ${sheet}`);
  }
  const lacking = [...(opened.faults ?? []), ...lackingOf(kind, opened)];
  for (const line of lacking) print(line);
  return unreadable.length === 0 && lacking.length === 0;
}

/** Every split with what it is called. */
function splitsOf({ train, test, others = [] }: OpenedData): (readonly [string, Split])[] {
  return [
    ...(train ? [['train', train] as const] : []),
    ...(test ? [['test', test] as const] : []),
    ...others.map((split) => [split.name, split] as const),
  ];
}

function countsTable({ published }: DataKind, opened: OpenedData): Table {
  const rows = splitsOf(opened).map(([title, split]) => {
    const counts = perClass(split);
    const wanted = title === 'train' || title === 'test' ? published?.[title] : undefined;
    const fewest = counts.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY);
    const most = counts.reduce((largest, count) => Math.max(largest, count), 0);
    return [title, split.labels.length, wanted, counts.filter((count) => count > 0).length, fewest, most];
  });
  const columns = ['images', 'published', 'classes', 'fewest in a class', 'most'];
  return { columns: [{ title: 'split' }, ...columns.map((title) => ({ title, digits: 0 }))], rows };
}

function perClass({ labels, classes }: Split): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function lackingOf({ published, title }: DataKind, { train, test }: OpenedData): string[] {
  if (!published) return [];
  const pairs = [
    ['classes', train?.classes, published.classes],
    ['training images', train?.labels.length, published.train],
    ['test images', test?.labels.length, published.test],
  ] as const;
  return pairs
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `Not all of ${title}: ${found ?? 0} ${what} instead of ${wanted}.`);
}

/** The first images of a few classes, evenly apart. */
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
