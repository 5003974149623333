import type { Catalog } from '../src/experiment/catalog';
import type { Session } from '../src/experiment/plan-run';
import { noOpTracker } from '../src/tracking/tracker';

/** For tests: a session without MLflow over a package's experiments; `ended` receives each run's name and status. */
export function untrackedSession(
  catalog: Omit<Catalog, 'broken'>,
  ended: (run: string) => void = () => undefined,
): Session {
  return {
    catalog: { ...catalog, broken: new Map() },
    signal: new AbortController().signal,
    log: () => undefined,
    data: 'embedded',
    sources: 'sources',
    digests: new Map(),
    unsent: new Set(),
    track: async ({ runName }) => ({
      ...noOpTracker,
      finish: async (status) => {
        ended(`${runName}: ${status}`);
        return {};
      },
    }),
  };
}
