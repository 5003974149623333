import type { TopLevelSpec } from 'vega-lite';
import type { RocChart } from './roc-chart';
import { decades, methodColour } from './theme';

/**
 * Detection error trade-off of the curves: false rejects against false accepts, both on logarithmic axes, where good
 * systems still differ. Both rates start at one pair, lower ones were not measured.
 */
export function detChart({ title, subtitle, curves }: DetChart): TopLevelSpec {
  const smallestFar = Math.min(...curves.map(({ impostor }) => 1 / impostor));
  const smallestFrr = Math.min(...curves.map(({ genuine }) => 1 / genuine));
  const axis = (field: string, text: string, smallest: number) => ({
    field,
    type: 'quantitative' as const,
    title: text,
    scale: { type: 'log' as const, domain: [smallest, 1], nice: false },
    axis: { values: decades(smallest, 1), labelExpr: "datum.value === 1 ? '1' : format(datum.value, '~e')" },
  });
  return {
    title: { text: title, ...(subtitle ? { subtitle } : {}) },
    width: 520,
    height: 360,
    data: { values: curves.flatMap(errorPoints) },
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, clip: true },
    encoding: {
      x: axis('far', 'false accept rate (impostor pairs accepted)', smallestFar),
      y: axis('frr', 'false reject rate (genuine pairs rejected)', smallestFrr),
      order: { field: 'order', type: 'quantitative' },
      color: {
        ...methodColour(curves.map(({ name }) => name)),
        legend: { orient: 'bottom-left', title: null, fillColor: 'white', padding: 6 },
      },
    },
  };
}

/** Curves as `rocChart` has them, thinned by whoever made them, with the number of genuine pairs. */
export interface DetChart extends Omit<RocChart, 'curves'> {
  readonly curves: readonly (RocChart['curves'][number] & { readonly genuine: number })[];
}

function errorPoints({ name, far, tar, genuine, impostor }: DetChart['curves'][number]) {
  return Array.from(far, (rate, i) => ({
    name,
    far: Math.max(rate, 1 / impostor),
    frr: Math.max(1 - (tar[i] as number), 1 / genuine),
    order: i,
  }));
}
