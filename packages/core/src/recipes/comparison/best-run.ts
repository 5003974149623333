import { byRow, type ComparedRun, valuesOf } from './compared-run';

/** The run with the largest value of a metric, of the row with the largest mean; undefined if none has it. */
export function bestRun(runs: readonly ComparedRun[], metric: string): ComparedRun | undefined {
  const mean = (of: readonly ComparedRun[]): number => {
    const values = valuesOf(of, metric);
    return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : -Infinity;
  };
  const measured = runs.filter(({ metrics }) => metrics[metric] !== undefined);
  const [row] = [...byRow(measured).values()].sort((a, b) => mean(b) - mean(a));
  return row?.toSorted((a, b) => mean([b]) - mean([a]))[0];
}
