import { UserError } from '../system/user-error';
import { openLink } from './link';
import type { MemberOptions } from './member';
import { protocolVersion } from './messages';

/**
 * Tells the coordinator on another machine how many workers this one will start. Waits until that machine's run has
 * started. Ends with `stopped` when `signal` is aborted.
 * @throws UserError (exit code 1) if the coordinator cannot be reached, or refuses them
 */
export async function announce({
  coordinator,
  token,
  workers,
  signal,
}: Pick<MemberOptions, 'coordinator' | 'token'> & { readonly workers: number; readonly signal: AbortSignal }): Promise<
  'welcome' | 'finished' | 'stopped'
> {
  let stop = (): void => undefined;
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
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
