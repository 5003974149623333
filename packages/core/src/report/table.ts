import type { Summary } from './statistics';

/** A table's content, for a terminal, Markdown or CSV. */
export interface Table {
  readonly columns: readonly Column[];
  /** One cell per column; undefined leaves it blank. */
  readonly rows: readonly (readonly Cell[])[];
  /** Lines under the table. */
  readonly notes?: readonly string[];
}

export interface Column {
  readonly title: string;
  /** Digits after the point; default 2. */
  readonly digits?: number;
  /** Numbers are shares of 1, shown in per cent with % in the title; CSV keeps the shares. */
  readonly percent?: boolean;
}

/** Text, a number, or the mean and spread over runs. */
export type Cell = string | number | Pick<Summary, 'mean' | 'std'> | undefined;

/** A table's cells as text, with equally many digits in a column. Throws RangeError for a row of wrong length. */
export function tableText({ columns, rows }: Table): { titles: string[]; cells: string[][]; numeric: boolean[] } {
  for (const [r, row] of rows.entries()) {
    if (row.length !== columns.length) {
      throw new RangeError(`Row ${r} has ${row.length} cells, but the table has ${columns.length} columns`);
    }
  }
  return {
    titles: columns.map(({ title, percent }) => (percent ? `${title} %` : title)),
    cells: rows.map((row) => row.map((cell, c) => cellText(cell, columns[c] as Column))),
    numeric: columns.map((_, c) => rows.some((row) => row[c] !== undefined && typeof row[c] !== 'string')),
  };
}

function cellText(cell: Cell, { digits = 2, percent = false }: Column): string {
  const text = (value: number) => (percent ? 100 * value : value).toFixed(digits);
  if (cell === undefined) return '–';
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return text(cell);
  return cell.std === undefined ? text(cell.mean) : `${text(cell.mean)} ± ${text(cell.std)}`;
}

/** The table in GitHub's Markdown: numbers right-aligned, notes as a paragraph below. */
export function markdownTable(table: Table): string {
  const { titles, cells, numeric } = tableText(table);
  const line = (texts: readonly string[]) => `| ${texts.map(escapeMarkdown).join(' | ')} |`;
  const rule = `| ${numeric.map((right) => (right ? '--:' : ':--')).join(' | ')} |`;
  const notes = table.notes?.length ? `\n${table.notes.join('  \n')}\n` : '';
  return `${[line(titles), rule, ...cells.map(line)].join('\n')}\n${notes}`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('\n', '<br>');
}

/**
 * The table as CSV (RFC 4180) without notes: numbers in full and unscaled, standard deviations in a column after their
 * means.
 */
export function csvTable({ columns, rows }: Table): string {
  const spread = columns.map((_, c) => rows.some((row) => typeof row[c] === 'object'));
  const titles = columns.flatMap(({ title }, c) => (spread[c] ? [title, `${title} std`] : [title]));
  const lines = rows.map((row) =>
    row.flatMap((cell, c) => {
      if (typeof cell === 'object') return [String(cell.mean), cell.std === undefined ? '' : String(cell.std)];
      const text = cell === undefined ? '' : String(cell);
      return spread[c] ? [text, ''] : [text];
    }),
  );
  return [titles, ...lines].map((line) => `${line.map(quoteCsv).join(',')}\r\n`).join('');
}

function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
