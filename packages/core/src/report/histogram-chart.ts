import type { TopLevelSpec } from 'vega-lite';
import { legendPlace, methodColour } from './theme';

/** Distributions over each other: genuine and impostor scores, cosines between two heads' class vectors. */
export interface HistogramChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: string;
  readonly series: readonly { readonly name: string; readonly values: ArrayLike<number> }[];
  readonly bins?: number;
  /** Range of the bins; the values' own when left out. */
  readonly domain?: readonly [low: number, high: number];
  /** All that pictures of one report show, where this one shows a part of them: each keeps its colour. */
  readonly among?: readonly string[];
}

/** Distributions that were counted before: equal bins from `low` to `high`. */
export interface CountedHistogramChart extends Omit<HistogramChart, 'series' | 'bins' | 'domain'> {
  readonly low: number;
  readonly high: number;
  readonly series: readonly { readonly name: string; readonly counts: ArrayLike<number> }[];
}

/** Chart of the shares per bin, counted here so that millions of values never reach the drawing. */
export function histogramChart({ series, bins = 50, domain, ...text }: HistogramChart): TopLevelSpec {
  const [low, high] = domain ?? rangeOf(series.map(({ values }) => values));
  const width = (high - low) / bins || 1;
  const shares = series.map(({ name, values }) => ({ name, shares: histogram(values, low, width, bins) }));
  return sharesChart({ ...text, low, width, bins, series: shares });
}

/** The same of counts; a series' shares are of all that were counted. */
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

function sharesChart({ title, subtitle, x, series, low, width, bins, among }: SharesChart): TopLevelSpec {
  const values = series.flatMap(({ name, shares }) =>
    shares.map((share, b) => ({ name, from: low + b * width, to: low + (b + 1) * width, share })),
  );
  const frame = { title: { text: title, ...(subtitle ? { subtitle } : {}) }, width: 520, height: 260 };
  if (series.length > 1) {
    const names = series.map(({ name }) => name);
    return { ...frame, ...outlines(values, { names, x, domain: [low, low + bins * width], among }) };
  }
  return {
    ...frame,
    data: { values },
    mark: { type: 'bar', opacity: 0.6, binSpacing: 0 },
    encoding: {
      x: {
        field: 'from',
        type: 'quantitative',
        bin: 'binned',
        title: x,
        scale: { domain: [low, low + bins * width], nice: false },
        axis: { grid: false, tickCount: 8 },
      },
      x2: { field: 'to' },
      y: { field: 'share', type: 'quantitative', stack: null, title: 'share', axis: { format: '~%', tickCount: 5 } },
      color: methodColour(
        series.map(({ name }) => name),
        among,
      ),
    },
  };
}

interface Bin {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** Bars over one another would hide one another, and mix their colours. */
function outlines(
  values: readonly Bin[],
  {
    names,
    x,
    domain,
    among,
  }: { names: readonly string[]; x: string; domain: [number, number]; among: readonly string[] | undefined },
) {
  const closed = names.flatMap((name) => {
    const own = values.filter((bin) => bin.name === name);
    return [...own, { name, from: own.at(-1)?.to ?? domain[1], share: own.at(-1)?.share ?? 0 }];
  });
  return {
    data: { values: closed },
    mark: { type: 'area', interpolate: 'step-after', fillOpacity: 0.12, line: { strokeWidth: 2, opacity: 1 } },
    encoding: {
      x: {
        field: 'from',
        type: 'quantitative',
        title: x,
        scale: { domain, nice: false },
        axis: { grid: false, tickCount: 8 },
      },
      y: { field: 'share', type: 'quantitative', stack: null, title: 'share', axis: { format: '~%', tickCount: 5 } },
      color: {
        ...methodColour(names, among),
        legend: { orient: legendPlace(names), title: null, symbolType: 'square', symbolOpacity: 1 },
      },
    },
  } as const;
}

/** Share of the values in each bin; the last bin holds its upper edge, values outside are left out. */
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
    throw new RangeError('A histogram needs at least one value, and all of them finite');
  }
  return [low, high];
}
