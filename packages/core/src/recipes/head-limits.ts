/** SH-KD's diagnosis: how the shared head lies, and whether it limits the teacher that is trained under it. */
import type { StageResult } from '../experiment/define';
import { summarise } from '../report/statistics';
import type { HeadGeometry } from '../train/networks/head-geometry';
import type { MetricColumn } from './comparison/compared-run';
import { type NetworkResult, trainLossMetric } from './network-stages';

/** One number of a teacher, measured twice. */
export interface Twice {
  /** Under the student's head. */
  readonly shared: number;
  /** Under its own head; undefined where no finished run of it is known. */
  readonly own: number | undefined;
}

/**
 * Whether a training loss shows that the student's head limits the teacher: it is higher by 0.5 and 1.5 times as high. The
 * difference alone would warn of large losses that differ by chance, the ratio alone of teachers that both fit their data.
 */
export const isLimitedInLoss = ({ shared, own }: Twice): boolean =>
  own !== undefined && shared - own >= 0.5 && shared >= 1.5 * own;

/**
 * Whether an accuracy, a share of 1, shows the same on data that the teachers have not seen: it is a point lower, and errors
 * are 1.2 times as many. Where classes are few, teachers fit their training data under any head.
 */
export const isLimitedInAccuracy = ({ shared, own }: Twice): boolean =>
  own !== undefined && own - shared >= 0.01 && 1 - shared >= 1.2 * (1 - own);

/** The mean loss of a training's last epoch. */
export const trainLossOf = ({ metrics }: Pick<StageResult, 'metrics'>): number | undefined => metrics[trainLossMetric];

/** Results of one teacher. */
export interface Teachers {
  /** Those of SH-KD's teacher, under the student's head; several seeds have several. */
  readonly shared: Pick<NetworkResult, 'head' | 'metrics'>;
  /** That of the same teacher under its own head, where it is known. */
  readonly own: Pick<NetworkResult, 'metrics'> | undefined;
}

/**
 * Lines for people: means over the seeds that are known.
 * @param column that of the accuracy
 */
export function headLines(teachers: readonly Teachers[], { metric, title }: MetricColumn): readonly string[] {
  const heads = teachers.flatMap(({ shared: { head } }) => head ?? []);
  const losses = meanOfBoth(teachers, trainLossOf);
  const accuracies = meanOfBoth(teachers, ({ metrics }) => metrics[metric]);
  return [
    ...(heads.length > 0 ? [geometryLine(meanOf(heads)) + over(heads.length)] : []),
    ...(losses ? [lossLine(losses) + over(losses.seeds)] : []),
    // Without a teacher under its own head, the line on losses says so, and the table has this accuracy.
    ...(accuracies?.own !== undefined ? [accuracyLine(accuracies, title) + over(accuracies.seeds)] : []),
  ];
}

/** Means of a number over the seeds where it is known under both heads, or else of those where it is under the student's. */
function meanOfBoth(
  teachers: readonly Teachers[],
  of: (result: Pick<NetworkResult, 'metrics'>) => number | undefined,
): (Twice & { readonly seeds: number }) | undefined {
  const known = teachers.flatMap(({ shared, own }) => {
    const value = of(shared);
    return value === undefined ? [] : [{ shared: value, own: own && of(own) }];
  });
  const both = known.flatMap(({ shared, own }) => (own === undefined ? [] : [{ shared, own }]));
  const counted = both.length > 0 ? both : known;
  if (counted.length === 0) return undefined;
  return {
    shared: mean(counted.map(({ shared }) => shared)),
    own: both.length > 0 ? mean(both.map(({ own }) => own)) : undefined,
    seeds: counted.length,
  };
}

function meanOf(heads: readonly HeadGeometry[]): HeadGeometry {
  const [first] = heads as [HeadGeometry];
  return {
    ...first,
    largestCosine: mean(heads.map(({ largestCosine }) => largestCosine)),
    meanCosine: mean(heads.map(({ meanCosine }) => meanCosine)),
    effectiveRank: mean(heads.map(({ effectiveRank }) => effectiveRank)),
  };
}

const mean = (values: readonly number[]): number => summarise(values).mean;

const over = (seeds: number): string => (seeds > 1 ? ` Means over ${seeds} seeds.` : '');

function geometryLine({ classes, embeddingSize, largestCosine, meanCosine, effectiveRank }: HeadGeometry): string {
  const cosines = `the largest cosine between two of them is ${largestCosine.toFixed(2)}, the mean ${meanCosine.toFixed(2)}`;
  const most = Math.min(classes, embeddingSize);
  return `The shared head has ${classes} classes: ${cosines}; effective rank ${effectiveRank.toFixed(1)} of at most ${most}.`;
}

const advice = 'the head limits the teacher. Train the first student longer, widen it, or use th-kd.';

function lossLine(losses: Twice): string {
  const { shared, own } = losses;
  const text = `rained under the student's head the teacher's training loss is ${shared.toPrecision(3)}, under its own`;
  if (own === undefined) {
    return `T${text} it is not known: train the teacher alone under the same options to compare.`;
  }
  const both = `${text} ${own.toPrecision(3)}`;
  return isLimitedInLoss(losses) ? `Warning: t${both}: ${advice}` : `T${both}.`;
}

function accuracyLine(accuracies: Twice, title: string): string {
  const { shared, own = Number.NaN } = accuracies;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const text = `nder the student's head the teacher's ${title} is ${percent(shared)}, under its own ${percent(own)}`;
  return isLimitedInAccuracy(accuracies) ? `Warning: u${text}: ${advice}` : `U${text}.`;
}
