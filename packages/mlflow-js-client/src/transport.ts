import { once } from 'node:events';
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HttpProxy } from './proxy';

/** Limits the time of one attempt. */
export interface Clock {
  /** Aborted at the end of the time, or by the caller. */
  readonly signal: AbortSignal;
  /** Whether the time ran out. */
  late(): boolean;
  /** Starts the time again, after progress. */
  restart(milliseconds?: number): void;
  /** Stops the time until the next `restart`, while the caller is busy. */
  pause(): void;
  /** Stops the time for good, also against later restarts: an answer may arrive before the body is sent completely. */
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
  /** Starts reading; called for every attempt. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly bytes: number;
  /** Called with the bytes written to the connection so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: Body | Buffer;
  readonly agent: Agent;
  /** Between this machine and the server. */
  readonly proxy?: HttpProxy;
  readonly clock: Clock;
  /** Milliseconds for the answer after the last byte of a streamed body. */
  readonly patience: number;
}

/**
 * Sends one request and resolves when the answer's headers arrive; the caller reads its body within the clock's time.
 * Rejects with an error of the system or of the request's body, or the clock's AbortError.
 */
export function exchange(request: HttpRequest): Promise<IncomingMessage> {
  const { url, method, headers, agent, body, clock, patience } = request;
  return new Promise((resolve, reject) => {
    // A proxy takes requests of http itself, with the whole address; the agent tunnels those of https through it.
    const asked = url.protocol === 'http:' ? request.proxy : undefined;
    const start = (asked?.url ?? url).protocol === 'https:' ? httpsRequest : httpRequest;
    const whole = asked && {
      path: url.href,
      headers: {
        ...headers,
        host: url.host,
        ...(asked.authorization && { 'proxy-authorization': asked.authorization }),
      },
    };
    const outgoing = start(asked?.url ?? url, { method, headers, agent, signal: clock.signal, ...whole });
    const answered = new AbortController();
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      // A server may refuse a body early and stop reading it.
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
