import type { TopLevelSpec } from 'vega-lite';
import { type Heading, heading, legendPlace, methodColour } from './theme';

/** Distributions over each other, for example genuine and impostor scores. */
export interface HistogramChart extends Heading {
  /** The title of the axis. */
  readonly x: string;
  readonly series: readonly { readonly name: string; readonly values: ArrayLike<number> }[];
  readonly bins?: number;
  /** The range of the bins; default: the range of the values. */
  readonly domain?: readonly [low: number, high: number];
  /** All names in a report, of which this chart shows some: it keeps each name's colour. */
  readonly among?: readonly string[];
}

/** Distributions as counts in equal bins from `low` to `high`. */
export interface CountedHistogramChart extends Omit<HistogramChart, 'series' | 'bins' | 'domain'> {
  readonly low: number;
  readonly high: number;
  readonly series: readonly { readonly name: string; readonly counts: ArrayLike<number> }[];
}

/** Counts the values here, so that the chart need not hold millions of them. */
export function histogramChart({ series, bins = 50, domain, ...text }: HistogramChart): TopLevelSpec {
  const [low, high] = domain ?? rangeOf(series.map(({ values }) => values));
  const width = (high - low) / bins || 1;
  const shares = series.map(({ name, values }) => ({ name, shares: histogram(values, low, width, bins) }));
  return sharesChart({ ...text, low, width, bins, series: shares });
}

export function countedHistogramChart({ low, high, series, ...text }: CountedHistogramChart): TopLevelSpec {
  const bins = series[0]?.counts.length ?? 0;
  const shares = series.map(({ name, counts }) => {
    const all = Array.from(counts).reduce((sum, count) => sum + count, 0) || 1;
    return { name, shares: Array.from(counts, (count) => count / all) };
  });
  return sharesChart({ ...text, low, width: (high - low) / bins, bins, series: shares });
}

interface SharesChart extends Omit<HistogramChart, 'series' | 'domain'> {
  readonly low: number;
  readonly width: number;
  readonly bins: number;
  readonly series: readonly { readonly name: string; readonly shares: readonly number[] }[];
}

/** Bars for one series; outlines for several, since bars would cover each other and mix their colours. */
function sharesChart({ x, series, low, width, bins, among, ...text }: SharesChart): TopLevelSpec {
  const names = series.map(({ name }) => name);
  const values = series.flatMap(({ name, shares }) =>
    shares.map((share, b) => ({ name, from: low + b * width, to: low + (b + 1) * width, share })),
  );
  const frame = { title: heading(text), width: 520, height: 260 };
  const xAxis = {
    field: 'from',
    type: 'quantitative' as const,
    title: x,
    scale: { domain: [low, low + bins * width], nice: false },
    axis: { grid: false, tickCount: 8 },
  };
  const y = {
    field: 'share',
    type: 'quantitative' as const,
    stack: null,
    title: 'share',
    axis: { format: '~%', tickCount: 5 },
  };
  const color = methodColour(names, among);
  if (series.length <= 1) {
    return {
      ...frame,
      data: { values },
      mark: { type: 'bar', opacity: 0.6, binSpacing: 0 },
      encoding: { x: { ...xAxis, bin: 'binned' }, x2: { field: 'to' }, y, color },
    };
  }
  const closed = names.flatMap((name) => {
    const own = values.filter((bin) => bin.name === name);
    return [...own, { name, from: low + bins * width, share: own.at(-1)?.share ?? 0 }];
  });
  const legend = { orient: legendPlace(names), title: null, symbolType: 'square', symbolOpacity: 1 };
  return {
    ...frame,
    data: { values: closed },
    mark: { type: 'area', interpolate: 'step-after', fillOpacity: 0.12, line: { strokeWidth: 2, opacity: 1 } },
    encoding: { x: xAxis, y, color: { ...color, legend } },
  };
}

/** The share of the values in each bin. The last bin includes its upper edge; values outside are not counted. */
export function histogram(values: ArrayLike<number>, low: number, width: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const bin = value === low + bins * width ? bins - 1 : Math.floor((value - low) / width);
    if (bin >= 0 && bin < bins) counts[bin] = (counts[bin] as number) + 1;
  }
  return counts.map((count) => count / values.length);
}

function rangeOf(all: readonly ArrayLike<number>[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of all) {
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i] as number);
      high = Math.max(high, values[i] as number);
    }
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    throw new RangeError('A histogram needs at least one value, and only finite values');
  }
  return [low, high];
}
