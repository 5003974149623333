import type { TopLevelSpec } from 'vega-lite';
import { ink } from './theme';

/** A matrix as colours: which classes are taken for which, or a metric over two options. */
export interface HeatmapChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: string;
  readonly y: string;
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** One array a row; undefined leaves a cell blank. */
  readonly values: readonly (readonly (number | undefined)[])[];
  /** Values are shares of 1 and shown in per cent. */
  readonly percent?: boolean;
}

/** Chart of the matrix, rows from the top; up to 16 columns the values are written into their cells. */
export function heatmapChart(chart: HeatmapChart): TopLevelSpec {
  const { columns, rows, percent = false } = chart;
  const scale = percent ? 100 : 1;
  const cells = chart.values.flatMap((row, r) =>
    row.flatMap((value, c) =>
      value === undefined ? [] : [{ row: rows[r], column: columns[c], value: scale * value }],
    ),
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
  const encoding = { x: position('column', chart.x, columns), y: position('row', chart.y, rows) };
  return {
    title: { text: chart.title, ...(chart.subtitle ? { subtitle: chart.subtitle } : {}) },
    width: { step },
    height: { step },
    data: { values: cells },
    layer: [
      {
        mark: { type: 'rect' },
        encoding: {
          ...encoding,
          color: {
            field: 'value',
            type: 'quantitative',
            scale: { scheme: 'blues' },
            legend: { title: percent ? '%' : null },
          },
        },
      },
      ...(columns.length > 16
        ? []
        : [
            {
              mark: { type: 'text' as const, fontSize: 11 },
              encoding: {
                ...encoding,
                text: { field: 'value', type: 'quantitative' as const, format: percent ? '.0f' : '~r' },
                color: { value: ink, condition: { test: `datum.value > ${0.6 * highest}`, value: 'white' } },
              },
            },
          ]),
    ],
  };
}
