import { once } from 'node:events';
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** The time that one try has. */
export interface Clock {
  /** Aborted when the time is over, or by the caller. */
  readonly signal: AbortSignal;
  /** Whether it was the time. */
  late(): boolean;
  /** Starts the time anew: something moved. */
  restart(milliseconds?: number): void;
  /** Until the next `restart` time does not count: it is the caller who is busy. */
  pause(): void;
  /** For good: an answer may be there before the body has been sent to its end. */
  stop(): void;
}

export function startClock(timeout: number, outer?: AbortSignal): Clock {
  const controller = new AbortController();
  let late = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => controller.abort(outer?.reason);
  const restart = (milliseconds = timeout): void => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, milliseconds);
  };
  restart();
  if (outer?.aborted) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    late: () => late,
    restart,
    pause: () => clearTimeout(timer),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

export interface Body {
  /** Begins to read it: once for every try. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly bytes: number;
  /** Told the bytes handed to the connection so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: Body | Buffer;
  readonly agent: Agent;
  readonly clock: Clock;
  /** Milliseconds that the answer may take after the last byte of a streamed body. */
  readonly patience: number;
}

/**
 * Sends one request and returns its answer when the headers are there; the caller reads the body, within the clock's
 * time. Rejects with the system's error, the body's own, or an AbortError of the clock.
 */
export function exchange(request: HttpRequest): Promise<IncomingMessage> {
  const { url, method, headers, agent, body, clock, patience } = request;
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = start(url, { method, headers, agent, signal: clock.signal });
    const answered = new AbortController();
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      // A server may refuse before it has read everything, and then reads no more.
      answered.abort();
      resolve(response);
    });
    if (body === undefined || Buffer.isBuffer(body)) {
      outgoing.end(body);
      return;
    }
    const write = async (): Promise<void> => {
      let bytes = 0;
      for await (const chunk of body.open()) {
        if (answered.signal.aborted || outgoing.destroyed) return;
        if (!outgoing.write(chunk)) await once(outgoing, 'drain', { signal: answered.signal });
        clock.restart();
        bytes += chunk.length;
        body.onProgress?.(bytes);
      }
      clock.restart(patience);
      outgoing.end();
    };
    write().catch((error: unknown) => {
      if (answered.signal.aborted) return;
      reject(error);
      outgoing.destroy();
    });
  });
}
