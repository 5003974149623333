/** Learning rates as pure functions of the epoch, with fractions. */

export type Schedule = (epoch: number) => number;

/** `rate`, multiplied by `factor` at each milestone (epochs, counted from 0: the first epoch is 0). */
export function multiStep(rate: number, milestones: readonly number[], factor = 0.1): Schedule {
  return (epoch) => rate * factor ** milestones.filter((milestone) => epoch >= milestone).length;
}

/** Half a cosine from `rate` at 0 to 0 at `epochs` (Loshchilov and Hutter, arXiv 1608.03983, without restarts). */
export function cosine(rate: number, epochs: number): Schedule {
  return (epoch) => (rate * (1 + Math.cos(Math.PI * Math.min(epoch / epochs, 1)))) / 2;
}

/** rate (1 - epoch / epochs)^power; insightface's is power 1. */
export function polynomial(rate: number, epochs: number, power = 1): Schedule {
  return (epoch) => rate * (1 - Math.min(epoch / epochs, 1)) ** power;
}

/** Rises linearly to the start of `schedule` over the first `epochs`, then continues `schedule` at the present epoch. */
export function withWarmUp(schedule: Schedule, epochs: number): Schedule {
  if (epochs <= 0) return schedule;
  return (epoch) => (epoch < epochs ? (schedule(0) * epoch) / epochs : schedule(epoch));
}

export const scheduleNames = ['cosine', 'multi-step', 'polynomial', 'constant'] as const;
export type ScheduleName = (typeof scheduleNames)[number];

export interface ScheduleOptions {
  readonly schedule: ScheduleName;
  readonly learningRate: number;
  readonly epochs: number;
  readonly warmUpEpochs: number;
  /** For multi-step, in epochs; default: 0.625, 0.75 and 0.875 of all epochs, the reference's 150, 180 and 210 of 240. */
  readonly milestones?: readonly number[];
}

export function makeSchedule(options: ScheduleOptions): Schedule {
  const { schedule, learningRate, epochs, warmUpEpochs } = options;
  const milestones = options.milestones ?? [0.625, 0.75, 0.875].map((share) => share * epochs);
  const body = {
    cosine: () => cosine(learningRate, epochs),
    'multi-step': () => multiStep(learningRate, milestones),
    polynomial: () => polynomial(learningRate, epochs),
    constant: () => () => learningRate,
  }[schedule]();
  return withWarmUp(body, warmUpEpochs);
}
