import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../system/user-error';
import { type Address, addressText } from './addresses';
import { type FromWorker, LineReader, lineLimits, lineOf, readFromCoordinator, type ToWorker } from './messages';
import { ciphers, identity, keyOf, tokenVariable } from './secret';

/** What happens on a link. */
export interface LinkEvents {
  /** It is connected, for the first time or again. */
  readonly up: () => void;
  readonly message: (message: ToWorker) => void;
  /** The connection is lost; the link tries to connect again. */
  readonly down: () => void;
  /** The link has given up. */
  readonly gone: (error: UserError) => void;
}

/** A connection to the coordinator, which keeps sending heartbeats while the main thread is busy. */
export interface Link {
  /** Drops the message while there is no connection. @throws Error for a message that is too long */
  send(message: FromWorker): void;
  /** Sends what was given, and ends. */
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly coordinator: Address;
  readonly token: string;
  /** Seconds without a connection after which the link gives up. Default: 10. */
  readonly patience?: number;
  /** The same for the first connection: other machines may start later. Default: 60. */
  readonly firstPatience?: number;
}

export function openLink({ coordinator, token, patience = 10, firstPatience = 60 }: LinkOptions, on: LinkEvents): Link {
  const place = addressText(coordinator);
  let reader = new LineReader();
  let isClosing = false;
  const thread = new Worker(join(__dirname, 'link-thread.cjs'), {
    // The thread needs no preload of the main thread's.
    execArgv: [],
    workerData: {
      ...coordinator,
      key: keyOf(token),
      identity,
      ciphers,
      heartbeat: 250,
      silence: 3000,
      retry: 250,
      patience: patience * 1000,
      firstPatience: firstPatience * 1000,
    },
  });
  const gone = (sentence: string): void => {
    if (isClosing) return;
    isClosing = true;
    void thread.terminate();
    on.gone(new UserError(sentence, 1));
  };
  const lost = `The coordinator at ${place} has not answered for ${patience} s. Run the same command again to resume.`;
  thread.on('message', ({ type, chunk, why, reason }: Report) => {
    if (isClosing) return;
    if (type === 'up') {
      // The old connection may have ended within a line.
      reader = new LineReader();
      on.up();
    } else if (type === 'down') on.down();
    else if (type === 'chunk') {
      for (const line of reader.take(chunk, lineLimits.coordinator)) on.message(readFromCoordinator(line));
    } else if (why === 'lost') gone(lost);
    else if (why === 'handshake') {
      gone(
        `The coordinator at ${place} refuses this worker: ${tokenVariable} must be the same on all machines, and a run of headshare must listen there.`,
      );
    } else
      gone(`No coordinator answers at ${place} (${reason}): is the first machine's run started, and the port open?`);
  });
  thread.once('error', (error) => gone(`The connection to the coordinator at ${place} failed: ${error.message}.`));
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  return {
    send: (message) => {
      const text = lineOf(message);
      if (text.length > lineLimits.worker) {
        throw new Error(
          `a message '${message.type}' has ${text.length} characters, at most ${lineLimits.worker} may be sent`,
        );
      }
      thread.postMessage({ text, isGreeting: message.type === 'hello' || message.type === 'announce' });
    },
    close: async () => {
      isClosing = true;
      thread.postMessage({ close: true });
      await ended;
    },
  };
}

/** The thread's messages. */
interface Report {
  readonly type: 'up' | 'down' | 'chunk' | 'gone';
  readonly chunk: string;
  readonly why: 'handshake' | 'unreachable' | 'lost';
  readonly reason: string;
}
