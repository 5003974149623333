import type { TopLevelSpec } from 'vega-lite';
import { type Heading, heading, ink } from './theme';

/** A matrix as colours, for example a confusion matrix. */
export interface HeatmapChart extends Heading {
  /** The titles of the axes. */
  readonly x: string;
  readonly y: string;
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** One array per row; undefined leaves a cell blank. */
  readonly values: readonly (readonly (number | undefined)[])[];
}

/** The first row is at the top. Up to 16 columns, the cells show their values. */
export function heatmapChart({ x, y, columns, rows, values, ...text }: HeatmapChart): TopLevelSpec {
  const cells = values.flatMap((row, r) =>
    row.flatMap((value, c) => (value === undefined ? [] : [{ row: rows[r], column: columns[c], value }])),
  );
  const highest = Math.max(...cells.map(({ value }) => value));
  const step = Math.max(14, Math.min(44, Math.floor(520 / columns.length)));
  const position = (field: string, title: string, domain: readonly string[]) => ({
    field,
    type: 'nominal' as const,
    title,
    sort: null,
    scale: { domain: [...domain], paddingInner: 0.04 },
    axis: { domain: false, ticks: false, labelPadding: 6, ...(field === 'column' ? { orient: 'top' as const } : {}) },
  });
  const encoding = { x: position('column', x, columns), y: position('row', y, rows) };
  const numbers = {
    mark: { type: 'text' as const, fontSize: 11 },
    encoding: {
      ...encoding,
      text: { field: 'value', type: 'quantitative' as const, format: '~r' },
      color: { value: ink, condition: { test: `datum.value > ${0.6 * highest}`, value: 'white' } },
    },
  };
  return {
    title: heading(text),
    width: { step },
    height: { step },
    data: { values: cells },
    layer: [
      {
        mark: { type: 'rect' },
        encoding: {
          ...encoding,
          color: { field: 'value', type: 'quantitative', scale: { scheme: 'blues' }, legend: { title: null } },
        },
      },
      ...(columns.length > 16 ? [] : [numbers]),
    ],
  };
}
