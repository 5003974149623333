import { UserError } from '../system/user-error';
import { openLink } from './link';
import type { MemberOptions } from './member';
import { protocolVersion } from './messages';

interface Announcement extends Pick<MemberOptions, 'coordinator' | 'token'> {
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Whether the run is known to be finished, so that nobody may answer any more. */
  readonly isFinished?: (() => Promise<boolean>) | undefined;
}

/** Milliseconds between two looks whether the run is finished. */
const lookEvery = 2000;

/**
 * Tells the coordinator on another machine how many workers this one will start. Waits until that machine's run has
 * started. Ends with `finished` when it is, with `stopped` when `signal` is aborted.
 * @throws UserError (exit code 1) if the coordinator cannot be reached, or refuses them
 */
export async function announce({
  coordinator,
  token,
  workers,
  signal,
  isFinished,
}: Announcement): Promise<'welcome' | 'finished' | 'stopped'> {
  let stop = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const link = openLink(
        { coordinator, token },
        {
          up: () => link.send({ type: 'announce', protocol: protocolVersion, workers }),
          message: (message) => {
            if (message.type === 'refused')
              reject(new UserError(`The coordinator refuses this machine: ${message.why}.`, 1));
            else resolve(message.type === 'end' ? 'finished' : 'welcome');
            void link.close();
          },
          down: () => undefined,
          gone: reject,
        },
      );
      stop = () => {
        resolve('stopped');
        void link.close();
      };
      const look = async (): Promise<void> => {
        if (!(await isFinished?.())) return;
        resolve('finished');
        void link.close();
      };
      look().catch(reject);
      timer = setInterval(() => look().catch(reject), lookEvery);
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
    });
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
  }
}
