/** SH-KD minus TH-KD over the first student's training loss: SH-KD lives by the class vectors of that student. */
import type { TopLevelSpec } from 'vega-lite';
import type { RowName } from '../../experiment/sweep/plan-sweep';
import { type DifferencePoint, differenceChart } from '../../report/difference-chart';
import { trainLossOf } from '../head-limits';
import type { MetricColumn } from './compared-run';
import { isShKd, stageOf } from './shared-head-notes';
import type { Training } from './training';

/** The chart, if SH-KD and TH-KD were trained under the same settings, and under several: one loss shows no course. */
export async function sharedHeadChart(
  trainings: readonly Training[],
  { metric, title, percent }: MetricColumn,
  label: string,
): Promise<TopLevelSpec | undefined> {
  const points: DifferencePoint[] = [];
  for (const training of trainings.filter(isShKd)) {
    const loss = await firstStudentsLoss(training, trainings);
    const besides = trainings.find(
      ({ name, seed }) => name.title === 'th-kd' && seed === training.seed && isPartOf(name, training.name),
    );
    const [ours, theirs] = [training, besides].map((one) => one?.finished.result.metrics[metric]);
    if (loss === undefined || ours === undefined || theirs === undefined) continue;
    points.push({ x: loss, difference: (percent ? 100 : 1) * (ours - theirs), seed: training.seed });
  }
  const settings = new Set(trainings.filter(isShKd).map(({ name }) => JSON.stringify(name.settings)));
  if (points.length < 2 || settings.size < 2) return undefined;
  return differenceChart({
    title: `${label}: SH-KD minus TH-KD`,
    subtitle: 'a dot for each training; above the line the shared student head is better',
    x: "first student's training loss in its last epoch",
    y: `${title}${percent ? ', points' : ''}`,
    points,
  });
}

async function firstStudentsLoss(training: Training, trainings: readonly Training[]): Promise<number | undefined> {
  const last = training.kind === 'distill' ? await stageOf(training, 'distill-student-head', trainings) : training;
  const student = last && (await stageOf(last, 'student', trainings));
  return student && trainLossOf(student.finished.result);
}

/** Whether a row has no settings but those of the other: SH-KD has some of its own. */
const isPartOf = (row: RowName, other: RowName): boolean =>
  Object.entries(row.settings).every(([option, value]) => other.settings[option] === value);
