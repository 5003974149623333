import CliTable from 'cli-table3';
import { type Table, tableText } from './table';

/** What the place that a table is printed to can show. */
export interface TerminalLayout {
  /** Columns that fit side by side; Infinity where lines may be as long as they like. */
  readonly width: number;
  /** Box-drawing lines; without them columns are only aligned, which is kinder to logs and grep. */
  readonly lines: boolean;
}

/** A terminal gets lines and its own width, a file or pipe neither. */
export function layoutOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): TerminalLayout {
  return stream.isTTY
    ? { width: stream.columns ?? 80, lines: process.env.TERM !== 'dumb' }
    : { width: Number.POSITIVE_INFINITY, lines: false };
}

/**
 * The table as text, numbers right-aligned. Where it is wider than the layout, it goes on below with the remaining
 * columns, the first one repeated, rather than being cut or wrapped.
 */
export function terminalTable(table: Table, layout: TerminalLayout = layoutOf(process.stdout)): string {
  const { titles, cells, numeric } = tableText(table);
  const draw = (columns: readonly number[]) => {
    const drawing = new CliTable({
      head: columns.map((c) => titles[c] as string),
      colAligns: columns.map((c) => (numeric[c] ? 'right' : 'left')),
      style: {
        head: [],
        border: [],
        compact: true,
        ...(layout.lines ? {} : { 'padding-left': 0, 'padding-right': 0 }),
      },
      chars: layout.lines ? lightLines : noLines,
    });
    for (const row of cells) drawing.push(columns.map((c) => row[c] as string));
    return drawing
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .join('\n');
  };
  const blocks: string[] = [];
  let shown: number[] = [0];
  for (let column = 1; column < titles.length; column++) {
    if (shown.length > 1 && widthOf(draw([...shown, column])) > layout.width) {
      blocks.push(draw(shown));
      shown = [0];
    }
    shown.push(column);
  }
  blocks.push(draw(shown));
  return [blocks.join('\n\n'), ...(table.notes ?? [])].join('\n');
}

function widthOf(drawing: string): number {
  return Math.max(...drawing.split('\n').map((line) => line.length));
}

const none = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
};
const noLines = { ...none, middle: '   ' };
const lightLines = { ...none, mid: '─', 'mid-mid': '┼', middle: '│' };
