import type { TopLevelSpec } from 'vega-lite';
import { decades, type Heading, heading, methodColour, methodDash } from './theme';

/** A verification curve by falling threshold. */
export interface NamedRocCurve {
  readonly name: string;
  /** Shares of the impostor and the genuine pairs that are accepted. */
  readonly far: ArrayLike<number>;
  readonly tar: ArrayLike<number>;
  /** The number of impostor pairs; the chart starts at a FAR of one pair, since lower rates cannot be measured. */
  readonly impostor: number;
}

export interface DetCurve extends NamedRocCurve {
  /** The number of genuine pairs. */
  readonly genuine: number;
}

/** True against false accept rate, the latter on a logarithmic axis. Between two points the lower TAR holds. */
export function rocChart({ curves, ...text }: Heading & { readonly curves: readonly NamedRocCurve[] }): TopLevelSpec {
  const names = curves.map(({ name }) => name);
  // More names than four would cover the curves.
  const orient = names.length > 4 ? ('right' as const) : ('bottom-right' as const);
  const legend = { orient, title: null, fillColor: 'white', padding: 6 };
  return {
    ...frame(text),
    data: { values: curves.flatMap(measuredPoints) },
    encoding: {
      x: rateAxis('far', falseAccepts, smallestFar(curves)),
      y: {
        field: 'tar',
        type: 'quantitative',
        title: 'true accept rate (genuine pairs accepted)',
        scale: { zero: false },
        axis: { format: '.0%', tickCount: 6 },
      },
      order: { field: 'order', type: 'quantitative' },
      color: { ...methodColour(names), legend },
      ...methodDash(names, names, legend),
    },
  };
}

/**
 * Detection error trade-off: false reject against false accept rate, both on logarithmic axes, which separate good
 * systems. Both start at one pair, since lower rates cannot be measured. Draws all points of the curves.
 */
export function detChart({ curves, ...text }: Heading & { readonly curves: readonly DetCurve[] }): TopLevelSpec {
  const names = curves.map(({ name }) => name);
  const smallestFrr = Math.min(...curves.map(({ genuine }) => 1 / genuine));
  return {
    ...frame(text),
    data: { values: curves.flatMap(errorPoints) },
    encoding: {
      x: rateAxis('far', falseAccepts, smallestFar(curves)),
      y: rateAxis('frr', 'false reject rate (genuine pairs rejected)', smallestFrr),
      order: { field: 'order', type: 'quantitative' },
      color: {
        ...methodColour(names),
        legend: { orient: 'bottom-left', title: null, fillColor: 'white', padding: 6 },
      },
    },
  };
}

const falseAccepts = 'false accept rate (impostor pairs accepted)';

const smallestFar = (curves: readonly NamedRocCurve[]): number =>
  Math.min(...curves.map(({ impostor }) => 1 / impostor));

const frame = (text: Heading) => ({
  title: heading(text),
  width: 520,
  height: 360,
  mark: { type: 'line' as const, interpolate: 'step-after' as const, strokeWidth: 2, clip: true },
});

const rateAxis = (field: string, title: string, smallest: number) => ({
  field,
  type: 'quantitative' as const,
  title,
  scale: { type: 'log' as const, domain: [smallest, 1], nice: false },
  axis: { values: decades(smallest, 1), labelExpr: "datum.value === 1 ? '1' : format(datum.value, '~e')" },
});

/** The points that a logarithmic axis can separate; a curve of millions of pairs has far more. */
function measuredPoints({ name, far, tar, impostor }: NamedRocCurve) {
  const points: { name: string; far: number; tar: number; order: number }[] = [];
  const start = 1 / impostor;
  let [lastFar, lastTar] = [start, 0];
  for (let i = 0; i < far.length; i++) {
    if ((far[i + 1] as number) < start) continue;
    const [x, y] = [Math.max(far[i] as number, start), tar[i] as number];
    const near = x / lastFar < 1.01 && Math.abs(y - lastTar) < 0.0005;
    if (near && points.length > 0 && i < far.length - 1) continue;
    points.push({ name, far: x, tar: y, order: i });
    [lastFar, lastTar] = [x, y];
  }
  return points;
}

function errorPoints({ name, far, tar, genuine, impostor }: DetCurve) {
  return Array.from(far, (rate, i) => ({
    name,
    far: Math.max(rate, 1 / impostor),
    frr: Math.max(1 - (tar[i] as number), 1 / genuine),
    order: i,
  }));
}
