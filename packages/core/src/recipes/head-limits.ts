/** SH-KD's diagnosis: how the shared head lies, and whether it limits the teacher that is trained under it. */
import type { StageResult } from '../experiment/define';
import type { HeadGeometry } from '../train/networks/head-geometry';
import { type NetworkResult, trainLossMetric } from './network-stages';

/** The training losses of one teacher, in its last epoch. */
export interface TeacherLosses {
  /** Under the student's head. */
  readonly shared: number;
  /** Under its own head; undefined where no finished run of it is known. */
  readonly own: number | undefined;
}

/** The loss under the student's head is higher by so much, and so many times as high, where the head limits the teacher. */
const leastExcess = 0.5;
const leastRatio = 1.5;

/**
 * Whether the student's head limits the teacher. The difference alone would warn of large losses that differ by chance, the
 * ratio alone of teachers that both fit their data.
 */
export const isLimited = ({ shared, own }: TeacherLosses): boolean =>
  own !== undefined && shared - own >= leastExcess && shared >= leastRatio * own;

/** The mean loss of a training's last epoch. */
export const trainLossOf = ({ metrics }: Pick<StageResult, 'metrics'>): number | undefined => metrics[trainLossMetric];

/**
 * Lines for people.
 * @param underHead the result of SH-KD's teacher
 * @param own that of the same teacher under its own head, where it is known
 */
export function headLines(
  underHead: Pick<NetworkResult, 'head' | 'metrics'>,
  own: Pick<NetworkResult, 'metrics'> | undefined,
): readonly string[] {
  const shared = trainLossOf(underHead);
  return [
    ...(underHead.head ? [geometryLine(underHead.head)] : []),
    ...(shared === undefined ? [] : [lossLine({ shared, own: own && trainLossOf(own) })]),
  ];
}

export function geometryLine({
  classes,
  embeddingSize,
  largestCosine,
  meanCosine,
  effectiveRank,
}: HeadGeometry): string {
  const cosines = `the largest cosine between two of them is ${largestCosine.toFixed(2)}, the mean ${meanCosine.toFixed(2)}`;
  const most = Math.min(classes, embeddingSize);
  return `The shared head has ${classes} classes: ${cosines}; effective rank ${effectiveRank.toFixed(1)} of at most ${most}.`;
}

export function lossLine(losses: TeacherLosses): string {
  const { shared, own } = losses;
  const text = `rained under the student's head the teacher's training loss is ${shown(shared)}, under its own`;
  if (own === undefined) {
    return `T${text} it is not known: train the teacher alone under the same options to compare.`;
  }
  return isLimited(losses)
    ? `Warning: t${text} ${shown(own)}: the head limits the teacher. Train the first student longer, widen it, or use th-kd.`
    : `T${text} ${shown(own)}.`;
}

const shown = (loss: number): string => loss.toPrecision(3);
