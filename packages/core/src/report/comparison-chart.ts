import type { TopLevelSpec } from 'vega-lite';
import { summarise } from './statistics';
import { type ChartLayer, ink, methodColour, softInk } from './theme';

/** Methods side by side on one or more metrics: a panel a metric, a row a method, a dot a seed. */
export interface Comparison {
  readonly title: string;
  readonly subtitle?: string;
  /** Rows from top to bottom. */
  readonly methods: readonly string[];
  readonly panels: readonly ComparisonPanel[];
  /** All that pictures of one report show, where this one shows a part of them: each keeps its colour. */
  readonly among?: readonly string[];
}

export interface ComparisonPanel {
  readonly title: string;
  /** What the horizontal axis measures. */
  readonly metric: string;
  /** Values are shares of 1 and shown in per cent. */
  readonly percent?: boolean;
  /** Each method's values, one a seed; a method may be missing. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** A vertical line to compare with: what the teacher reaches. */
  readonly reference?: { readonly label: string; readonly value: number };
}

const rowHeight = 52;
const panelWidth = 330;
/** Mean and interval lie above the middle of a row, the seeds' dots below, so that neither hides the other. */
const above = -3;
const below = 13;

/**
 * Chart of the comparison: in each row one dot a seed, above them the mean with its 95 % interval and its value; a
 * dashed line for the reference. Throws RangeError on values that are not finite.
 */
export function comparisonChart({ title, subtitle, methods, panels, among }: Comparison): TopLevelSpec {
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
    spacing: 36,
    hconcat: panels.map((panel, p) =>
      panelChart(panel, methods, {
        labelled: p === 0,
        above: panels.find(({ reference }) => reference)?.reference?.label,
        ...(among && { among }),
      }),
    ),
  };
}

interface PanelStyle {
  readonly labelled: boolean;
  /** What stands above the rows of some panel: it takes the same room in all, so that their titles are level. */
  readonly above: string | undefined;
  readonly among?: readonly string[];
}

function panelChart(
  panel: ComparisonPanel,
  methods: readonly string[],
  { labelled, above: label, among }: PanelStyle,
): ChartLayer {
  const present = methods.filter((method) => panel.values[method] !== undefined);
  const scale = panel.percent ? 100 : 1;
  const seeds = present.flatMap((method) => panel.values[method]?.map((value) => ({ method, value: scale * value })));
  const means = present.map((method) => {
    const { mean, interval } = summarise(panel.values[method]?.map((value) => scale * value) ?? []);
    const [low, high] = interval ?? [mean, mean];
    return { method, mean, low, high };
  });
  const x = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: panel.percent ? `${panel.metric} (%)` : panel.metric,
    scale: { zero: false, nice: true, padding: 12 },
    axis: { tickCount: 5 },
  });
  const y = {
    field: 'method',
    type: 'nominal' as const,
    sort: null,
    title: null,
    scale: { domain: [...methods] },
    axis: { grid: true, tickBand: 'extent' as const, domain: false, ticks: false, labels: labelled, labelPadding: 10 },
  };
  const colour = { ...methodColour(methods, among), field: 'method' };
  return {
    title: { text: panel.title, fontSize: 13, frame: 'group', offset: 10 },
    width: panelWidth,
    height: { step: rowHeight },
    layer: [
      ...referenceLine(panel.reference && { ...panel.reference, value: scale * panel.reference.value }, x('value')),
      ...(panel.reference === undefined && label !== undefined
        ? [unseenLabel(label, seeds[0]?.value ?? 0, x('value'))]
        : []),
      {
        data: { values: seeds },
        mark: { type: 'point', filled: true, size: 55, opacity: 0.55, yOffset: below },
        encoding: { x: x('value'), y, color: colour },
      },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 2.5, yOffset: above },
        encoding: { x: x('low'), x2: { field: 'high' }, y, color: colour },
      },
      {
        data: { values: means },
        mark: { type: 'point', shape: 'diamond', filled: true, size: 130, opacity: 1, yOffset: above },
        encoding: { x: x('mean'), y, color: colour },
      },
      // A white copy beneath keeps the number readable where the reference line crosses it.
      ...[{ stroke: 'white', strokeWidth: 4 }, { color: ink }].map((style) => ({
        data: { values: means },
        mark: { type: 'text' as const, yOffset: above - 12, fontSize: 12, ...style },
        encoding: {
          x: x('mean'),
          y,
          text: { field: 'mean', type: 'quantitative' as const, format: scale === 1 ? '.3f' : '.2f' },
        },
      })),
    ],
  };
}

const unseenLabel = (label: string, value: number, x: object): ChartLayer['layer'][number] => ({
  data: { values: [{ label, value }] },
  mark: { type: 'text', y: 0, dy: -9, fontSize: 12, opacity: 0 },
  encoding: { x, text: { field: 'label' } },
});

function referenceLine(reference: ComparisonPanel['reference'], x: object): ChartLayer['layer'] {
  if (!reference) return [];
  const data = { values: [reference] };
  return [
    {
      data,
      mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, color: softInk },
      encoding: { x },
    },
    {
      data,
      mark: { type: 'text', y: 0, dy: -9, fontSize: 12, color: softInk },
      encoding: { x, text: { field: 'label' } },
    },
  ];
}
