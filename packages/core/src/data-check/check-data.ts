import { contactSheet } from '../data/contact-sheet';
import type { Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import { makeProgress } from '../train/progress';
import { type DataKind, isSource, type Split } from './data-kind';
import { thumbnails } from './thumbnails';
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
  const { train, test } = await kind.open(folder, {
    cacheFolder,
    onProgress: (images) => show(images, Math.max(images, expected ?? 0), 'listing'),
  });
  progress.clear();
  print(`${kind.title} in ${folder}`);
  print(terminalTable(countsTable(kind, train, test)));
  const unreadable: Unreadable[] = [];
  for (const split of [train, test]) {
    if (!isSource(split)) continue;
    unreadable.push(
      ...(await unreadableImages(split, { sample, whole, onProgress: (done, total) => show(done, total, split.name) })),
    );
  }
  progress.clear();
  const looked = [train, test]
    .filter(isSource)
    .reduce((sum, { labels }) => sum + Math.min(labels.length, sample ?? labels.length), 0);
  if (looked > 0) {
    print(`${whole ? 'Decoded' : 'Looked into the headers of'} ${looked} images: ${unreadable.length} cannot be read.`);
  }
  for (const { file, why } of unreadable.slice(0, mostNamed)) print(`  ${file}: ${why}`);
  if (unreadable.length > mostNamed) print(`  and ${unreadable.length - mostNamed} more`);
  if (sheet !== undefined) {
    const images = isSource(train) ? thumbnails(train, 64) : train;
    await contactSheet(images, sheetOf(train.labels, train.classes), sheet, isSource(train) ? 1 : 2);
    print(`Some of its images, a row for each of a few classes: ${sheet}`);
  }
  const lacking = lackingOf(kind, train, test);
  for (const line of lacking) print(line);
  return unreadable.length === 0 && lacking.length === 0;
}

const published = ({ published }: DataKind, split: 'train' | 'test') => published?.[split];

function countsTable(kind: DataKind, train: Split, test: Split): Table {
  const rows = [train, test].map((split, i) => {
    const counts = perClass(split);
    return [
      i === 0 ? 'train' : 'test',
      split.labels.length,
      published(kind, i === 0 ? 'train' : 'test'),
      counts.filter((count) => count > 0).length,
      Math.min(...counts),
      Math.max(...counts),
    ];
  });
  const columns = ['images', 'published', 'classes', 'fewest in a class', 'most'];
  return { columns: [{ title: 'split' }, ...columns.map((title) => ({ title, digits: 0 }))], rows };
}

function perClass({ labels, classes }: Split): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function lackingOf(kind: DataKind, train: Split, test: Split): string[] {
  if (!kind.published) return [];
  const pairs = [
    ['classes', train.classes, kind.published.classes],
    ['training images', train.labels.length, kind.published.train],
    ['test images', test.labels.length, kind.published.test],
  ] as const;
  return pairs
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `Not all of ${kind.title}: ${found} ${what} instead of ${wanted}.`);
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
