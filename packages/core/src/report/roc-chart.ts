import type { TopLevelSpec } from 'vega-lite';
import { decades, methodColour, methodDash } from './theme';

/** Verification curves, FAR on a logarithmic axis. */
export interface RocChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly curves: readonly NamedRocCurve[];
  /** All that pictures of one report show, where this one shows a part of them: each keeps its colour. */
  readonly among?: readonly string[];
}

export interface NamedRocCurve {
  readonly name: string;
  /** Shares of impostor and genuine pairs accepted, in order of falling threshold. */
  readonly far: ArrayLike<number>;
  readonly tar: ArrayLike<number>;
  /** Impostor pairs; the curve starts at a FAR of one of them, since lower rates were not measured. */
  readonly impostor: number;
}

/** Chart of the curves as steps: between two measured points the lower TAR holds. */
export function rocChart({ title, subtitle, curves, among }: RocChart): TopLevelSpec {
  const names = curves.map(({ name }) => name);
  // More names than this would cover the curves.
  const orient = names.length > 4 ? ('right' as const) : ('bottom-right' as const);
  const legend = { orient, title: null, fillColor: 'white', padding: 6 };
  const smallest = Math.min(...curves.map(({ impostor }) => 1 / impostor));
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
    width: 520,
    height: 360,
    data: { values: curves.flatMap(measuredPoints) },
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, clip: true },
    encoding: {
      x: {
        field: 'far',
        type: 'quantitative',
        title: 'false accept rate (impostor pairs accepted)',
        scale: { type: 'log', domain: [smallest, 1], nice: false },
        axis: { values: decades(smallest, 1), labelExpr: "datum.value === 1 ? '1' : format(datum.value, '~e')" },
      },
      y: {
        field: 'tar',
        type: 'quantitative',
        title: 'true accept rate (genuine pairs accepted)',
        scale: { zero: false },
        axis: { format: '.0%', tickCount: 6 },
      },
      order: { field: 'order', type: 'quantitative' },
      color: { ...methodColour(names, among), legend },
      ...methodDash(names, among, legend),
    },
  };
}

/** Points that a logarithmic axis can tell apart; a curve of millions of pairs has far more. */
function measuredPoints({ name, far, tar, impostor }: NamedRocCurve) {
  const points: { name: string; far: number; tar: number; order: number }[] = [];
  const start = 1 / impostor;
  let [lastFar, lastTar] = [start, 0];
  for (let i = 0; i < far.length; i++) {
    const [x, y] = [Math.max(far[i] as number, start), tar[i] as number];
    const last = i === far.length - 1;
    const next = (far[i + 1] as number) < start;
    if (next) continue;
    const near = x / lastFar < 1.01 && Math.abs(y - lastTar) < 0.0005;
    if (near && points.length > 0 && !last) continue;
    points.push({ name, far: x, tar: y, order: i });
    [lastFar, lastTar] = [x, y];
  }
  return points;
}
