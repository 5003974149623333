import { optionsOf } from '../arguments';
import type { Overrides, PlannedStage, RunContext, Stage } from '../define';
import { type Axis, combinations, valueText } from './axes';

/** One training of a sweep, in its place in the report. */
export interface SweptRun {
  /** What the report calls its row: the network or method, and the swept options that tell it from others. */
  readonly row: string;
  readonly seed: number;
  readonly stage: PlannedStage;
  /** The values that the sweep gave it. */
  readonly given: Overrides;
  /** It is what was to be swept, rather than a stage that this needs. */
  readonly wanted: boolean;
}

/** What is to be swept. */
export interface SweepRequest {
  readonly axes: readonly Axis[];
  readonly seeds: readonly number[];
  /** The stages to run for one combination of values; the first is the swept experiment itself. */
  readonly stagesOf: (given: Overrides) => readonly Stage[];
  /** What the report calls a stage. */
  readonly titleOf: (stage: Stage, given: Overrides) => string;
}

/**
 * All trainings of a sweep, those that others need before them, each once: what several need alike, or what does not
 * read an option that is swept, is one run.
 */
export async function planSweep(
  { axes, seeds, stagesOf, titleOf }: SweepRequest,
  { plan }: Pick<RunContext<unknown>, 'plan'>,
): Promise<readonly SweptRun[]> {
  const runs = new Map<string, SweptRun>();
  const varied = axes.filter(({ option, values }) => values.length > 1 && option !== 'method');
  const add = (stage: PlannedStage, seed: number, given: Overrides, wanted: boolean): void => {
    for (const needed of stage.needs) add(needed, seed, given, false);
    const known = runs.get(stage.key);
    if (known !== undefined && (known.wanted || !wanted)) return;
    const read = optionsOf([stage.experiment]);
    const settings = varied
      .filter(({ option }) => Object.hasOwn(read, option))
      .map(({ option }) => `${option} ${valueText(given[option])}`);
    const row = [titleOf(stage.experiment, given), ...settings].join(', ');
    runs.set(stage.key, { row, seed, stage, given, wanted });
  };
  for (const given of combinations(axes)) {
    for (const seed of seeds) {
      const [first, ...others] = stagesOf(given);
      if (first) add(await plan(first, { ...given, seed }), seed, given, true);
      for (const other of others) add(await plan(other, { ...given, seed }), seed, given, false);
    }
  }
  return [...runs.values()];
}
