import { sentenceOf } from '../system/sentence-of';
import type { TrackedRun, Tracker } from '../tracking/tracker';
import { noOpTracker } from '../tracking/tracker';

/**
 * Opens a run's tracker. Neither this nor the tracker's methods ever throw: a failing tracker must not stop a training.
 * Imports the client lazily, because `--help` and finished runs do not need it.
 */
export async function openTracker(run: TrackedRun & { readonly log: (line: string) => void }): Promise<Tracker> {
  const notRecorded = (error: unknown): string =>
    `The run is not recorded in MLflow: ${sentenceOf(error).split('\n')[0]}.`;
  try {
    const { startTracking } = await import('../tracking/start-tracking');
    const tracker = await startTracking(run);
    const guarded = <A extends unknown[]>(action: (...args: A) => void) => {
      return (...args: A): void => {
        try {
          action(...args);
        } catch (error) {
          run.log(notRecorded(error));
        }
      };
    };
    return {
      ...(tracker.id !== undefined && { id: tracker.id }),
      params: guarded(tracker.params),
      metrics: guarded(tracker.metrics),
      lastStep: tracker.lastStep,
      tags: guarded(tracker.tags),
      dataset: guarded(tracker.dataset),
      artifact: guarded(tracker.artifact),
      model: guarded(tracker.model),
      flush: () => tracker.flush().catch((error: unknown) => run.log(notRecorded(error))),
      finish: (status) => tracker.finish(status).catch((error: unknown) => ({ note: notRecorded(error) })),
    };
  } catch (error) {
    run.log(notRecorded(error));
    return noOpTracker;
  }
}

/** Opens a tracker that records nothing. */
export const openNoTracker = async (): Promise<Tracker> => noOpTracker;
