import { join } from 'node:path';
import { barChart } from '../../report/bar-chart';
import { heatmapChart } from '../../report/heatmap-chart';
import { drawPicture } from '../../report/picture';
import { csvTable, type Table } from '../../report/table';
import { writeAtomically } from '../../system/write-atomically';
import type { ClassReport, ClassRow } from './class-report';

/** How many classes and mistakes the pictures show. */
const [worstClasses, worstPairs] = [20, 12];
/** How many mistakes the table lists. */
const listedPairs = 200;

/**
 * Writes `per-class.csv`, `confusions.csv`, `worst-classes.png` and, if there are mistakes, `confusions.png`.
 * @returns the names of the files
 */
export async function drawClassReport(
  report: ClassReport,
  nameOf: (label: number) => string,
  folder: string,
): Promise<string[]> {
  const files = new Map<string, string | Buffer>([
    ['per-class.csv', csvTable(classTable(report, nameOf))],
    ['confusions.csv', csvTable(pairTable(report, nameOf))],
    ['worst-classes.png', (await drawPicture(classesChart(report, nameOf))).png],
  ]);
  if (report.pairs.length > 0) files.set('confusions.png', (await drawPicture(pairsChart(report, nameOf))).png);
  for (const [name, content] of files) writeAtomically(join(folder, name), [content]);
  return [...files.keys()];
}

const classTable = ({ classes }: ClassReport, nameOf: (label: number) => string): Table => ({
  columns: ['class', 'name', 'images', 'top1', 'most often taken for', 'times'].map((title) => ({ title })),
  rows: classes.map(({ label, images, top1, mistaken }) => [
    label,
    nameOf(label),
    images,
    top1,
    mistaken && nameOf(mistaken.predicted),
    mistaken?.count,
  ]),
});

const pairTable = ({ pairs }: ClassReport, nameOf: (label: number) => string): Table => ({
  columns: ['class', 'taken for', 'times', 'share of the class'].map((title) => ({ title })),
  rows: pairs
    .slice(0, listedPairs)
    .map(({ label, predicted, count, share }) => [nameOf(label), nameOf(predicted), count, share]),
});

function classesChart({ classes }: ClassReport, nameOf: (label: number) => string) {
  const measured = classes.filter((row): row is ClassRow & { readonly top1: number } => row.top1 !== undefined);
  const worst = measured.sort((a, b) => a.top1 - b.top1 || a.label - b.label).slice(0, worstClasses);
  return barChart({
    title:
      worst.length < measured.length
        ? `The ${worst.length} worst of ${measured.length} classes`
        : 'Classes, the worst first',
    subtitle: 'each with its most frequent wrong prediction',
    x: 'top-1',
    bars: worst.map(({ label, top1, mistaken }) => ({
      name: nameOf(label),
      value: top1,
      note: mistaken ? `${mistaken.count} as ${nameOf(mistaken.predicted)}` : '',
    })),
  });
}

function pairsChart({ pairs }: ClassReport, nameOf: (label: number) => string) {
  const worst = pairs.slice(0, worstPairs);
  const rows = [...new Set(worst.map(({ label }) => label))];
  const columns = [...new Set(worst.map(({ predicted }) => predicted))];
  const counts = new Map(pairs.map(({ label, predicted, count }) => [`${label} ${predicted}`, count]));
  return heatmapChart({
    title: 'Most frequent mistakes',
    subtitle: `images by class and prediction, for the ${worst.length} most frequent mistakes`,
    x: 'taken for',
    y: 'class',
    columns: columns.map(nameOf),
    rows: rows.map(nameOf),
    values: rows.map((label) => columns.map((predicted) => counts.get(`${label} ${predicted}`))),
  });
}
