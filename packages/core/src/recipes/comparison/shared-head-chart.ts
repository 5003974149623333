/** SH-KD minus TH-KD over the first student's training loss: SH-KD lives by the class vectors of that student. */
import type { TopLevelSpec } from 'vega-lite';
import type { RowName } from '../../experiment/sweep/plan-sweep';
import { type DifferencePoint, differenceChart } from '../../report/difference-chart';
import { trainLossOf } from '../head-limits';
import type { MetricColumn } from './compared-run';
import { isShKd, stageOfShKd } from './shared-head-notes';
import type { Training } from './training';

/** The chart, if SH-KD and TH-KD were trained under the same settings, and under several: one loss shows no course. */
export async function sharedHeadChart(
  trainings: readonly Training[],
  { metric, title, percent }: MetricColumn,
  label: string,
): Promise<TopLevelSpec | undefined> {
  const taught = trainings.filter(isShKd);
  const points: DifferencePoint[] = [];
  for (const training of taught) {
    const student = await stageOfShKd(training, 'student', trainings);
    const loss = student && trainLossOf(student.finished.result);
    const besides = trainings.find(
      ({ name, seed }) => name.title === 'th-kd' && seed === training.seed && isPartOf(name, training.name),
    );
    const [ours, theirs] = [training, besides].map((one) => one?.finished.result.metrics[metric]);
    if (loss === undefined || ours === undefined || theirs === undefined) continue;
    points.push({ x: loss, difference: (percent ? 100 : 1) * (ours - theirs), seed: training.seed });
  }
  const settings = new Set(taught.map(({ name }) => JSON.stringify(name.settings)));
  if (points.length < 2 || settings.size < 2) return undefined;
  return differenceChart({
    title: `${label}: SH-KD minus TH-KD`,
    subtitle: 'a dot for each training; above the line the shared student head is better',
    x: "first student's training loss in its last epoch",
    y: `${title}${percent ? ', points' : ''}`,
    points,
  });
}

/** Whether all settings of one row are the other's too, which may have more: SH-KD has options of its own. */
const isPartOf = (row: RowName, other: RowName): boolean =>
  Object.entries(row.settings).every(([option, value]) => other.settings[option] === value);
