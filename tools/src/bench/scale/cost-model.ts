/**
 * How much of the time many machines would compute, by a model of the ring that TensorFlow's all-reduce is: 2 (n - 1) hops, in
 * which each machine sends and receives 2 (n - 1) / n times the vector. Only the constants are measured.
 */
import type { SumType } from '@headshare/core/runtime/ops/collective';

/** Measured on two processes of one machine with `tools:bench-scale`, except for `lineShare`: a line of 1 Gb/s. */
export const measured = {
  /** Of a hop: half of an all-reduce of one number, whose ring of two has two hops. */
  hopSeconds: 0.5e-3,
  /**
   * Through gRPC on one core, for each byte of the float32 vector: 40 MB take 44 ms of CPU. The others are multiples of it, as
   * their CPU times were in the same minutes.
   */
  secondsPerByte: { exact: 2.1e-9, float32: 1.05e-9, bfloat16: 0.55e-9 },
  /** Of the line's rate, what gRPC reaches. */
  lineShare: 0.85,
} as const;

/** NCCL's, from its documentation's order of magnitude; not measured. */
const nccl = { hopSeconds: 20e-6, secondsPerByte: 0 };

/** Of a step, the part in which gradients appear, and a reduction can hide. */
const backwardShare = 0.6;

export interface ModelledTraining {
  readonly name: string;
  readonly stepSeconds: number;
  readonly parameters: number;
  readonly transport: 'grpc' | 'nccl';
}

/** 16 cores are taken as eight times the two cores that were measured. */
export const modelledTrainings: readonly ModelledTraining[] = [
  { name: 'MobileFaceNet, 128 images, 16 cores', stepSeconds: 128 / 1200, parameters: 1.71e6, transport: 'grpc' },
  { name: 'iresnet100, 128 images, 16 cores', stepSeconds: 128 / 58, parameters: 65.2e6, transport: 'grpc' },
  { name: 'iresnet100, 128 images, a V100 with NCCL', stepSeconds: 128 / 408, parameters: 65.2e6, transport: 'nccl' },
];

export const machines = [8, 64, 256] as const;
export const gigabits = [1, 10, 25, 100] as const;

export interface Projection {
  readonly training: string;
  readonly sums: SumType;
  readonly machines: number;
  readonly gigabits: number;
  readonly reductionSeconds: number;
  /** Shares of the time that machines compute: if nothing of the reduction is hidden, and if as much as fits is. */
  readonly efficiency: number;
  readonly efficiencyHidden: number;
}

const bytesPerElement = { exact: 8, float32: 4, bfloat16: 2 } as const satisfies Record<SumType, number>;

export function project(training: ModelledTraining, sums: SumType, machines: number, gigabits: number): Projection {
  const { name, stepSeconds, parameters, transport } = training;
  const { hopSeconds, secondsPerByte } =
    transport === 'nccl' ? nccl : { hopSeconds: measured.hopSeconds, secondsPerByte: measured.secondsPerByte[sums] };
  const onLine = bytesPerElement[sums] / (measured.lineShare * gigabits * 1.25e8);
  const perElement = Math.max(4 * secondsPerByte, onLine);
  const turns = 2 * (machines - 1);
  const reductionSeconds = turns * hopSeconds + (turns / machines) * parameters * perElement;
  const visible = Math.max(0, reductionSeconds - backwardShare * stepSeconds);
  return {
    training: name,
    sums,
    machines,
    gigabits,
    reductionSeconds,
    efficiency: stepSeconds / (stepSeconds + reductionSeconds),
    efficiencyHidden: stepSeconds / (stepSeconds + visible),
  };
}
