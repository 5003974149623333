import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawPicture } from '@headshare/core/report/picture';
import { rocChart } from '@headshare/core/report/roc-chart';
import { csvTable, markdownTable, type Table } from '@headshare/core/report/table';
import { type IjbResult, ijbFars } from './evaluate-ijb';

/** Results of one network's features made in several ways, by their names. */
export type VariantResults = Readonly<Record<string, IjbResult>>;

/** TAR at the usual FARs, in %, a row for each variant. */
export function variantTable(results: VariantResults): Table {
  const rows = Object.entries(results);
  const rare = ijbFars.filter((far) => rows.some(([, { tarAtFar }]) => !tarAtFar[far].measurable));
  return {
    columns: [
      { title: 'features' },
      ...ijbFars.map((far) => ({ title: `TAR@${far}`, percent: true })),
      { title: 'AUC', percent: true },
      { title: 'EER', percent: true },
    ],
    rows: rows.map(([name, { tarAtFar, auc, eer }]) => [name, ...ijbFars.map((far) => tarAtFar[far].tar), auc, eer]),
    notes: [
      "F: mirror image added; N: length kept; D: times the detector's score. TAR at the nearest FAR measured.",
      ...(rare.length > 0 ? [`Fewer impostor pairs than a FAR of ${rare.join(', ')} needs.`] : []),
    ],
  };
}

/** Writes the table as Markdown and CSV, and the ROC curves as pictures, into `folder`; their names. */
export async function writeEvaluation(results: VariantResults, title: string, folder: string): Promise<string[]> {
  const table = variantTable(results);
  const curves = Object.entries(results).map(([name, { roc }]) => ({ name, ...roc }));
  const { svg, png } = await drawPicture(rocChart({ title, curves }));
  const files = { 'ijb.md': markdownTable(table), 'ijb.csv': csvTable(table), 'roc.svg': svg, 'roc.png': png };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return Object.keys(files);
}
