import CliTable from 'cli-table3';
import { type Table, tableText } from './table';

/** The capabilities of an output. */
export interface TerminalLayout {
  /** Characters per line; Infinity for a file or pipe. */
  readonly width: number;
  /** Whether to draw lines; without them columns are only aligned, as logs and grep prefer. */
  readonly lines: boolean;
}

/** Lines and a limited width for a terminal, neither for a file or pipe. */
export function layoutOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): TerminalLayout {
  return stream.isTTY
    ? { width: stream.columns ?? 80, lines: process.env.TERM !== 'dumb' }
    : { width: Number.POSITIVE_INFINITY, lines: false };
}

/**
 * The table as text, numbers right-aligned. If it is wider than the layout, the remaining columns follow below, after
 * the first column again.
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

const parts = ['', '-mid', '-left', '-right'].flatMap((end) => ['top', 'bottom'].map((side) => side + end));
const none = Object.fromEntries(
  [...parts, 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'].map((part) => [part, '']),
);
const noLines = { ...none, middle: '   ' };
const lightLines = { ...none, mid: '─', 'mid-mid': '┼', middle: '│' };
