import type { FinishedRun } from '../../experiment/define';
import type { RowName } from '../../experiment/sweep/plan-sweep';
import type { Metrics } from '../../train/evaluation/metrics';
import type { NetworkResult } from '../network-stages';
import type { Kind, OptionValues } from './kinds';

/** A finished training. */
export interface Training {
  readonly name: RowName;
  readonly seed: number;
  readonly kind: Kind;
  readonly options: OptionValues;
  readonly finished: FinishedRun<NetworkResult>;
  /** Absolute. */
  readonly folder: string;
  /** Metrics that compare it with a teacher. */
  readonly besideTeacher?: Metrics;
}
