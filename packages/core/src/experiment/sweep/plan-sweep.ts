import type { Overrides, PlannedStage } from '../define';
import { flagName } from '../option';
import { type Axis, combinations, valueText } from './axes';
import { type RowName, rowText } from './row-name';

/** One training of a sweep, in its place in the report. */
export interface SweptRun {
  /** What the report calls its row: the network or method, and the swept options that tell it from others. */
  readonly name: RowName;
  /** The same as text. */
  readonly row: string;
  readonly seed: number;
  readonly stage: PlannedStage;
  /** The combinations of the sweep's values that come to it. */
  readonly given: readonly Overrides[];
  /** It is what was to be swept, rather than a stage that this needs. */
  readonly wanted: boolean;
  /** Keys of all that belongs to the same combination and seed, itself among them. */
  readonly beside: readonly string[];
}

/** What is to be swept. */
export interface SweepRequest {
  readonly axes: readonly Axis[];
  readonly seeds: readonly number[];
  /** The stages to run for one combination of values; the first is what is swept, the others are to be held beside it. */
  readonly stagesOf: (given: Overrides) => Promise<readonly [PlannedStage, ...PlannedStage[]]>;
  /** What the report calls a stage's row, swept options aside. */
  readonly titleOf: (stage: PlannedStage) => string;
  /** Whether a stage's result depends on an option; where it does not, its row is not named by it. */
  readonly reads: (stage: PlannedStage, option: string) => boolean;
}

/**
 * All trainings of a sweep, each after those that it needs, and each once: what several need alike, or what does not
 * read an option that is swept, is one run.
 */
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
      const [wanted, ...others] = await stagesOf({ ...given, seed });
      const all = unique([wanted, ...others].flatMap(withNeeds));
      const beside = all.map(({ key }) => key);
      for (const stage of all) {
        const isWanted = stage.key === wanted.key;
        const known = runs.get(stage.key);
        if (known?.wanted && isWanted) runs.set(stage.key, { ...known, given: [...known.given, given] });
        // What another combination wants for itself stays that.
        if (known !== undefined && (known.wanted || !isWanted)) continue;
        const name = nameOf(stage, given);
        runs.set(stage.key, { name, row: rowText(name), seed, stage, given: [given], wanted: isWanted, beside });
      }
    }
  }
  return [...runs.values()];
}

/** A stage behind all that it needs, directly and through others. */
const withNeeds = (stage: PlannedStage): readonly PlannedStage[] => [...stage.needs.flatMap(withNeeds), stage];

const unique = (stages: readonly PlannedStage[]): readonly PlannedStage[] => [
  ...new Map(stages.map((stage) => [stage.key, stage])).values(),
];
