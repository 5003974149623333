import type { TopLevelSpec } from 'vega-lite';
import { summarise } from './statistics';
import { type ChartLayer, type Heading, heading, ink, methodColour, softInk } from './theme';

/** Methods compared on one or more metrics: a panel per metric, a row per method, a dot per seed. */
export interface Comparison extends Heading {
  /** Rows from top to bottom. */
  readonly methods: readonly string[];
  readonly panels: readonly ComparisonPanel[];
  /** All names in a report, of which this chart shows some: it keeps each name's colour. */
  readonly among?: readonly string[];
}

export interface ComparisonPanel {
  readonly title: string;
  /** The title of the axis. */
  readonly metric: string;
  /** Values are shares of 1, shown in per cent. */
  readonly percent?: boolean;
  /** The values of each method over seeds; a method may be missing. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** A vertical line, for example at the teacher's value. */
  readonly reference?: { readonly label: string; readonly value: number };
}

const rowHeight = 52;
const panelWidth = 330;
/** Pixels from the middle of a row: mean and interval lie above, dots below, so that neither hides the other. */
const above = -3;
const below = 13;

/**
 * Each row has a dot per seed and above them the mean with its 95 % interval and value; a dashed line marks the
 * reference. Throws RangeError for values that are not finite.
 */
export function comparisonChart({ methods, panels, among, ...text }: Comparison): TopLevelSpec {
  const label = panels.find(({ reference }) => reference)?.reference?.label;
  return {
    title: heading(text),
    spacing: 36,
    hconcat: panels.map((panel, p) => panelChart(panel, methods, { isFirst: p === 0, label, among })),
  };
}

interface PanelContext {
  readonly isFirst: boolean;
  /** The label above the rows of some panel: all panels leave room for it, which aligns their titles. */
  readonly label: string | undefined;
  readonly among: readonly string[] | undefined;
}

function panelChart(
  panel: ComparisonPanel,
  methods: readonly string[],
  { isFirst, label, among }: PanelContext,
): ChartLayer {
  const present = methods.filter((method) => panel.values[method] !== undefined);
  const scale = panel.percent ? 100 : 1;
  const seeds = present.flatMap((method) => panel.values[method]?.map((value) => ({ method, value: scale * value })));
  const means = present.map((method) => {
    const { mean, interval } = summarise(panel.values[method] ?? []);
    const [low, high] = interval ?? [mean, mean];
    // As the tables round it, which may differ from Vega in the last digit.
    const text = (scale * mean).toFixed(scale === 1 ? 3 : 2);
    return { method, mean: scale * mean, low: scale * low, high: scale * high, text };
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
    axis: { grid: true, tickBand: 'extent' as const, domain: false, ticks: false, labels: isFirst, labelPadding: 10 },
  };
  const color = { ...methodColour(methods, among), field: 'method' };
  return {
    title: { text: panel.title, fontSize: 13, frame: 'group', offset: 10 },
    width: panelWidth,
    height: { step: rowHeight },
    layer: [
      ...referenceLine(panel.reference && { ...panel.reference, value: scale * panel.reference.value }, x('value')),
      ...(panel.reference === undefined && label !== undefined
        ? [referenceLabel({ label, value: seeds[0]?.value ?? 0 }, x('value'), { opacity: 0 })]
        : []),
      {
        data: { values: seeds },
        mark: { type: 'point', filled: true, size: 55, opacity: 0.55, yOffset: below },
        encoding: { x: x('value'), y, color },
      },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 2.5, yOffset: above },
        encoding: { x: x('low'), x2: { field: 'high' }, y, color },
      },
      {
        data: { values: means },
        mark: { type: 'point', shape: 'diamond', filled: true, size: 130, opacity: 1, yOffset: above },
        encoding: { x: x('mean'), y, color },
      },
      // A white copy beneath keeps the number readable across the reference line.
      ...[{ stroke: 'white', strokeWidth: 4 }, { color: ink }].map((style) => ({
        data: { values: means },
        mark: { type: 'text' as const, yOffset: above - 12, fontSize: 12, ...style },
        encoding: {
          x: x('mean'),
          y,
          text: { field: 'text', type: 'nominal' as const },
        },
      })),
    ],
  };
}

type Reference = NonNullable<ComparisonPanel['reference']>;

const referenceLabel = (reference: Reference, x: object, style: object): ChartLayer['layer'][number] => ({
  data: { values: [reference] },
  mark: { type: 'text', y: 0, dy: -9, fontSize: 12, ...style },
  encoding: { x, text: { field: 'label' } },
});

function referenceLine(reference: Reference | undefined, x: object): ChartLayer['layer'] {
  if (!reference) return [];
  return [
    {
      data: { values: [reference] },
      mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, color: softInk },
      encoding: { x },
    },
    referenceLabel(reference, x, { color: softInk }),
  ];
}
