import { median, peakMegabytes, secondsOf } from '../measurement';
import { type CaseName, headshareStep, stepCases } from './cases';
import { plainStep } from './plain';
import { bytesOf, matrixRate, memoryRate, operationsOf } from './roofline';

/** What a compiled step needs for one image, and what the same process reaches at most in a second. */
export interface Roofline {
  readonly operations: number;
  /** Floating-point operations of a large matrix product. */
  readonly matrixRate: number;
  readonly bytes: number;
  /** Bytes of reading a large matrix. */
  readonly memoryRate: number;
}

/** Compiled steps alone have a roofline. */
export interface StepMeasurement extends Partial<Roofline> {
  readonly imagesPerSecondMedian: number;
  readonly imagesPerSecondBest: number;
  /** Seconds of the first step, which records, compiles and chooses kernels. */
  readonly firstSeconds: number;
  readonly peakMegabytes: number;
  /** Compiled steps only: seconds of a call with the same inputs and as many outputs that computes nothing. */
  readonly emptyCallSeconds?: number;
}

/** The first calls prepare and are not counted. */
const uncounted = 4;

export async function measureStep(asked: {
  readonly name: CaseName;
  readonly batch: number;
  readonly steps: number;
  readonly way: string;
}): Promise<StepMeasurement> {
  const { name, batch, steps, way } = asked;
  const step =
    way === 'plain'
      ? plainStep(name, batch)
      : headshareStep(stepCases[name], batch, {
          eager: way === 'fused',
          recompute: way === 'recompute',
          precision: way === 'bfloat16' ? 'bfloat16' : 'float32',
        });
  const seconds = await secondsOf(step.run, steps);
  const counted = seconds.slice(uncounted);
  return {
    imagesPerSecondMedian: batch / median(counted),
    imagesPerSecondBest: batch / Math.min(...counted),
    firstSeconds: seconds[0] ?? Number.NaN,
    peakMegabytes: peakMegabytes(),
    ...(way === 'compiled' &&
      step.callEmpty && { emptyCallSeconds: median((await secondsOf(step.callEmpty, 40)).slice(10)) }),
    ...(way === 'compiled' && {
      operations: operationsOf(stepCases[name]),
      matrixRate: await matrixRate(),
      bytes: (step.graphs?.() ?? []).map(bytesOf).reduce((a, b) => a + b, 0) / batch,
      memoryRate: await memoryRate(),
    }),
  };
}
