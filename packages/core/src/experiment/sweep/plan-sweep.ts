import type { Overrides, PlannedStage } from '../define';
import { flagName, valueText } from '../option';
import { type Axis, combinations } from './axes';

/** The name of a report's row. */
export interface RowName {
  /** The network or the method. */
  readonly title: string;
  /** The option values that distinguish it from other rows of that title, by option as on the command line. */
  readonly settings: Readonly<Record<string, string>>;
}

/** `th-kd, temperature 2` */
export const rowText = ({ title, settings }: RowName): string =>
  [title, ...Object.entries(settings).map(([option, value]) => `${option} ${value}`)].join(', ');

/** One training of a sweep. */
export interface SweptRun {
  /** Its row in the report, and the same as text. */
  readonly name: RowName;
  readonly row: string;
  readonly seed: number;
  readonly stage: PlannedStage;
  /** The combinations of swept values that lead to this training. */
  readonly given: readonly Overrides[];
  /** The sweep asked for it, rather than for a stage that needs it. */
  readonly wanted: boolean;
  /** The keys of all trainings of its combination and seed, its own among them. */
  readonly beside: readonly string[];
}

export interface SweepRequest {
  readonly axes: readonly Axis[];
  readonly seeds: readonly number[];
  /** Plans one combination of values: first the swept stage, then others to compare it with. */
  readonly stagesOf: (given: Overrides) => Promise<readonly [PlannedStage, ...PlannedStage[]]>;
  /** The title of a stage's row. */
  readonly titleOf: (stage: PlannedStage) => string;
  /** Whether a stage's result depends on an option; only then the name of its row has that option. */
  readonly reads: (stage: PlannedStage, option: string) => boolean;
}

/** Plans each training of a sweep once, and after those that it needs, however many combinations lead to it. */
export async function planSweep({ axes, seeds, stagesOf, titleOf, reads }: SweepRequest): Promise<readonly SweptRun[]> {
  const runs = new Map<string, SweptRun>();
  const varied = axes.filter(({ option, values }) => values.length > 1 && option !== 'method');
  const nameOf = (stage: PlannedStage, given: Overrides): RowName => {
    const read = varied.filter(({ option }) => reads(stage, option));
    const settings = read.map(({ option }) => [flagName(option).slice(2), valueText(given[option])] as const);
    return { title: titleOf(stage), settings: Object.fromEntries(settings) };
  };
  for (const given of combinations(axes)) {
    for (const seed of seeds) {
      const planned = await stagesOf({ ...given, seed });
      const all = new Map(planned.flatMap(withNeeds).map((stage) => [stage.key, stage]));
      for (const [key, stage] of all) {
        const wanted = key === planned[0].key;
        const known = runs.get(key);
        if (known?.wanted && wanted) runs.set(key, { ...known, given: [...known.given, given] });
        // A stage that some combination asks for stays wanted, though others only need it.
        if (known !== undefined && (known.wanted || !wanted)) continue;
        const name = nameOf(stage, given);
        runs.set(key, { name, row: rowText(name), seed, stage, given: [given], wanted, beside: [...all.keys()] });
      }
    }
  }
  return [...runs.values()];
}

/** A stage after all that it needs, directly and through others. */
const withNeeds = (stage: PlannedStage): readonly PlannedStage[] => [...stage.needs.flatMap(withNeeds), stage];
