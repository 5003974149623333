import { join, relative } from 'node:path';
import type { StageResult } from '../../experiment/define';
import { htmlPage, type Section } from '../../report/html-page';
import { drawPicture } from '../../report/picture';
import { summarise } from '../../report/statistics';
import { csvTable, markdownTable } from '../../report/table';
import { terminalTable } from '../../report/terminal-table';
import { writeAtomically } from '../../system/write-atomically';
import { byRow, type ComparedRun, type ComparisonLayout, valuesOf } from './compared-run';
import { comparisonCharts } from './pictures';
import { differencesTable, resultsTable, runsTable, summaryTable } from './tables';

export interface ComparisonResult extends StageResult {
  readonly runs: readonly ComparedRun[];
}

const headings: Readonly<Record<string, string>> = {
  comparison: 'Side by side',
  'learning-curves': 'While they learned',
  size: 'Against size',
  'head-cosines': 'Heads of students and teachers',
  roc: 'ROC',
};

/**
 * Tables, pictures and numbers of runs side by side. Writes `report.md` and `report.html`, `summary.csv` (every metric of
 * every row), `runs.csv` (every run), and each picture as SVG and PNG into the folder.
 */
export async function writeReport(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
  folder: string,
): Promise<ComparisonResult> {
  const results = resultsTable(runs, layout);
  const differences = differencesTable(runs, layout);
  const each = runsTable(runs, layout, (of) => relative(join(folder, '../../../..'), of));
  const files = new Map<string, string | Buffer>();
  const sections: Section[] = [{ kind: 'table', title: 'Results', table: results }];
  if (differences) sections.push({ kind: 'table', title: 'Differences', table: differences });
  const pictures: string[] = [];
  for (const [name, chart] of Object.entries(await comparisonCharts(runs, layout))) {
    const { svg, png } = await drawPicture(chart);
    files.set(`${name}.svg`, svg).set(`${name}.png`, png);
    sections.push({ kind: 'picture', title: headings[name] ?? name, svg });
    pictures.push(`![${headings[name] ?? name}](${name}.png)\n`);
  }
  sections.push({ kind: 'table', title: 'Runs', table: each });
  const tables = [results, ...(differences ? [differences] : [])];
  files
    .set('report.md', [...tables.map(markdownTable), ...pictures].join('\n'))
    .set('report.html', htmlPage({ title: layout.title, sections }))
    .set('summary.csv', csvTable(summaryTable(runs, layout)))
    .set('runs.csv', csvTable(each));
  for (const [file, content] of files) writeAtomically(join(folder, file), [content]);
  return {
    runs,
    metrics: Object.fromEntries(
      [...byRow(runs)].flatMap(([row, ofRow]) =>
        layout.columns.flatMap(({ metric }) => {
          const values = valuesOf(ofRow, metric);
          return values.length > 0 ? [[`${row.replace(/[^\w.\- ]/g, '')}/${metric}`, summarise(values).mean]] : [];
        }),
      ),
    ),
    summary: tables.map((table) => terminalTable(table)).join('\n\n'),
    files: [...files.keys()],
  };
}
