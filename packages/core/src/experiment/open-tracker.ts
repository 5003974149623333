import type { Tracker } from './tracker';

/** What a tracked run is opened with. */
export interface TrackedRun {
  readonly package: string;
  readonly experiment: string;
  readonly runName: string;
  readonly folder: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/** A tracker as the runner sees it: it also ends the run. */
export interface RunTracker extends Tracker {
  finish(status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<{ readonly address?: string; readonly note?: string }>;
}

/** Opens a run's tracker. It never throws, and neither does what it returns: training is worth more than its record. */
export async function openTracker(_run: TrackedRun): Promise<RunTracker> {
  return silent;
}

const silent: RunTracker = {
  params: () => undefined,
  metrics: () => undefined,
  tags: () => undefined,
  artifact: () => undefined,
  finish: async () => ({}),
};
