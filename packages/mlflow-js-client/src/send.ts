import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMarkup, shownAnswer } from './answer-text';
import type { Connection } from './connection';
import { MlflowError } from './error';
import { certificateProblem, isOfTheNetwork, neverArrived, refusal } from './failure';
import { type Body, type Clock, exchange, startClock } from './transport';

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Relative to the server's address, with a leading slash. */
  path: string;
  query?: Query;
  json?: object;
  /** A body other than JSON. */
  body?: Body;
  headers?: Record<string, string>;
  /**
   * Whether repeating the call leaves the server in the same state and returns the same answer; default: true for GET.
   * A call that did not reach the server or was rejected with 429 is repeated in any case.
   */
  repeatable?: boolean;
  /** Milliseconds instead of the connection's. */
  timeout?: number;
}

/** Reads an answer of status 2xx within the clock's time; for a long answer, it restarts the clock as bytes arrive. */
type Read<T> = (response: IncomingMessage, clock: Clock) => Promise<T>;

/** Sends a call, repeats it if that is safe, and returns the answer's text. Throws MlflowError or the abort reason. */
export function send(connection: Connection, call: Call): Promise<string> {
  return sendAndRead(connection, call, readText);
}

/** `send` for an answer in JSON, of the type that MLflow documents for the path. */
export async function sendForJson<T>(connection: Connection, call: Call): Promise<T> {
  const text = await send(connection, call);
  try {
    return JSON.parse(text || '{}');
  } catch (cause) {
    const path = `${connection.uri}${call.path.replace(/\?.*$/, '')}`;
    const shown = shownAnswer(text).slice(0, 80);
    const what = isMarkup(text) ? `with a page${shown && ` ("${shown}")`}, not with` : `"${shown}", which is not`;
    throw new MlflowError(
      `${path} answered ${what} JSON: is this an MLflow server, or does something before it want a login?`,
      'HTTP_ERROR',
      200,
      { cause, request: nameOf(call) },
    );
  }
}

/** `send` for an answer that `read` consumes as it arrives, from the start after every repetition. */
export function sendAndRead<T>(connection: Connection, call: Call, read: Read<T>): Promise<T> {
  return repeating(connection, call, async () => {
    const answer = await open(connection, call);
    try {
      return await read(answer.response, answer.clock);
    } catch (error) {
      throw answer.failure(error);
    } finally {
      answer.close();
    }
  });
}

/** Runs `work`, and repeats it while that is safe. */
export async function repeating<T>(connection: Connection, call: Call, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const pause = pauseBeforeRepeating(connection, call, attempt, error);
      if (pause === undefined) throw error;
      await sleep(pause, undefined, { signal: connection.signal }).catch(() => connection.signal?.throwIfAborted());
    }
  }
}

/** Milliseconds to wait before repeating the call; undefined if it must not be repeated. `attempt` counts from 0. */
export function pauseBeforeRepeating(
  connection: Connection,
  call: Call,
  attempt: number,
  error: unknown,
): number | undefined {
  if (!(error instanceof MlflowError) || !error.transient || attempt >= connection.retries) return undefined;
  const repeatable = call.repeatable ?? call.method === 'GET';
  if (!repeatable && error.status !== 429 && !neverArrived(error.cause)) return undefined;
  const { retryAfter = 0 } = error;
  if (retryAfter > connection.longestDelay) return undefined;
  // Full jitter: the runs of a sweep fail at once and should not retry at once.
  const backoff = Math.random() * Math.min(connection.longestDelay, connection.retryDelay * 2 ** attempt);
  return retryAfter + backoff;
}

/** The headers of an answer of status 2xx, with its body still to be read. */
export interface Answer {
  readonly response: IncomingMessage;
  readonly clock: Clock;
  /** The error to throw after reading has failed with `error`. */
  failure(error: unknown): unknown;
  close(): void;
}

export async function open(connection: Connection, call: Call): Promise<Answer> {
  connection.signal?.throwIfAborted();
  const timeout = call.timeout ?? connection.timeout;
  const clock = startClock(timeout, connection.signal);
  let response: IncomingMessage | undefined;
  const close = (): void => {
    clock.stop();
    // A connection in the middle of an answer cannot serve the next call.
    if (response && !response.complete) response.destroy();
  };
  const failure = (error: unknown): unknown => {
    if (connection.signal?.aborted) return connection.signal.reason;
    if (error instanceof MlflowError) return error;
    return failureOf(connection, call, error, clock.late() ? timeout : undefined);
  };
  try {
    response = await exchange(httpRequest(connection, call, clock, timeout));
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) throw refusal(connection, nameOf(call), response, await readText(response));
    return { response, clock, failure, close };
  } catch (error) {
    close();
    throw failure(error);
  }
}

function httpRequest(connection: Connection, call: Call, clock: Clock, timeout: number) {
  const url = new URL(connection.uri + call.path);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
  }
  const headers: Record<string, string> = { accept: '*/*', ...connection.headers, ...call.headers };
  const json = call.json && Buffer.from(JSON.stringify(call.json));
  if (json) headers['content-type'] = 'application/json';
  if (call.body) headers['content-type'] ??= 'application/octet-stream';
  if (json || call.body) headers['content-length'] = String(json?.length ?? call.body?.bytes);
  const { pooled, fresh } = connection.agents;
  const repeatable = call.repeatable ?? call.method === 'GET';
  return {
    method: call.method,
    url,
    headers,
    body: json ?? call.body,
    agent: repeatable && !call.body ? pooled : fresh,
    proxy: connection.proxy,
    clock,
    // The server stores a file before it answers: allow for 1 MB/s.
    patience: timeout + Math.ceil((call.body?.bytes ?? 0) / 1000),
  };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function nameOf(call: Call): string {
  // A query may hold a signature.
  return `${call.method} ${call.path.replace(/\?.*$/, '')}`;
}

function failureOf(connection: Connection, call: Call, cause: unknown, late: number | undefined): unknown {
  const request = nameOf(call);
  if (late !== undefined) {
    const through = connection.proxy ? ` through the proxy ${connection.proxy.url.origin}` : '';
    const message = `${connection.uri} did not answer within ${late / 1000} s${through}`;
    return new MlflowError(message, 'TIMEOUT', 0, { cause, request });
  }
  const { message, code } = Object(cause) as NodeJS.ErrnoException;
  // All other errors come from the caller's files.
  if (!isOfTheNetwork(code)) return cause;
  const certificate = certificateProblem(code);
  const { proxy } = connection;
  const through = proxy ? ` through the proxy ${proxy.url.origin} (${proxy.variable})` : '';
  return new MlflowError(
    certificate
      ? `${connection.uri} has a certificate that is not trusted: ${message}`
      : `${connection.uri} cannot be reached${through}: ${message || code}`,
    certificate ? 'UNTRUSTED_CERTIFICATE' : 'UNREACHABLE',
    0,
    { cause, request },
  );
}
