import { setTimeout as sleep } from 'node:timers/promises';
import { MlflowError } from './error';

/** How to reach a tracking server. Made by `connect`; every call takes it as its first argument. */
export interface Connection {
  /** The server's address without a trailing slash, and without user name and password. */
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds to wait for one answer. */
  readonly timeout: number;
  /** How often a call that is safe to repeat is repeated after a transient failure. */
  readonly retries: number;
  /** Ends all calls when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface ConnectOptions {
  /** Bearer token, as in MLFLOW_TRACKING_TOKEN. */
  token?: string;
  username?: string;
  password?: string;
  headers?: Record<string, string>;
  timeout?: number;
  retries?: number;
  signal?: AbortSignal;
}

/**
 * Describes a server; nothing is sent. Credentials come from the options or from the address (http://user:pw@host).
 * Throws MlflowError (INVALID_PARAMETER_VALUE) when `uri` is not an http(s) address.
 */
export function connect(uri: string, options: ConnectOptions = {}): Connection {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new MlflowError(`"${uri}" is not an http or https address`, 'INVALID_PARAMETER_VALUE', 0);
  }
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const headers: Record<string, string> = { ...options.headers };
  if (username) headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  if (options.token) headers.authorization = `Bearer ${options.token}`;
  return {
    uri: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    headers,
    timeout: options.timeout ?? 30_000,
    retries: options.retries ?? 3,
    signal: options.signal,
  };
}

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** Below the server's address, starting with a slash. */
  path: string;
  query?: Record<string, string | number | undefined>;
  json?: object;
  /** A body other than JSON; a function, because a stream can be read only once and the call may be repeated. */
  body?: () => { stream: ReadableStream; bytes: number };
  /** Whether repeating the call leaves the server as calling it once does. GET always is. */
  repeatable?: boolean;
  timeout?: number;
}

/** Sends one call, repeats it where that is safe, and returns the body's text. Throws MlflowError, or the connection's abort. */
export async function send(connection: Connection, call: Call): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await sendOnce(connection, call);
    } catch (error) {
      const repeatable = call.repeatable ?? call.method === 'GET';
      if (!(error instanceof MlflowError) || !error.transient || !repeatable || attempt >= connection.retries) {
        throw error;
      }
      // Jitter: the runs of a sweep fail together, and should not all come back together.
      await sleep(250 * 2 ** attempt * (0.75 + 0.5 * Math.random()), undefined, { signal: connection.signal });
    }
  }
}

/** `send`, with the answer read as JSON. The caller names the shape that MLflow documents for the path. */
export async function sendForJson<T>(connection: Connection, call: Call): Promise<T> {
  const text = await send(connection, call);
  try {
    return JSON.parse(text || '{}');
  } catch (cause) {
    const shown = text.slice(0, 80).replace(/\s+/g, ' ');
    throw new MlflowError(
      `${connection.uri}${call.path} answered "${shown}", which is not JSON: is this an MLflow server?`,
      'HTTP_ERROR',
      200,
      { cause },
    );
  }
}

async function sendOnce(connection: Connection, call: Call): Promise<string> {
  const url = new URL(connection.uri + call.path);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers: Record<string, string> = { ...connection.headers };
  const init: RequestInit & { duplex?: 'half' } = { method: call.method, headers };
  if (call.json) {
    headers['content-type'] = 'application/json';
    init.body = JSON.stringify(call.json);
  } else if (call.body) {
    const { stream, bytes } = call.body();
    headers['content-type'] = 'application/octet-stream';
    headers['content-length'] = String(bytes);
    init.body = stream;
    init.duplex = 'half';
  }
  const timeout = call.timeout ?? connection.timeout;
  const late = AbortSignal.timeout(timeout);
  const signal = connection.signal ? AbortSignal.any([late, connection.signal]) : late;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, signal });
    text = await response.text();
  } catch (cause) {
    connection.signal?.throwIfAborted();
    if (!late.aborted) throw unreachable(connection.uri, cause);
    throw new MlflowError(`${connection.uri} did not answer within ${timeout / 1000} s`, 'TIMEOUT', 0, { cause });
  }
  if (response.ok) return text;
  throw refusal(url, response.status, text);
}

function unreachable(uri: string, cause: unknown): MlflowError {
  // fetch's own message is always "fetch failed"; the system's error is its cause. That one's message is empty when
  // both IPv4 and IPv6 were tried. (No instanceof: under jest these errors come from another realm.)
  const { cause: system } = cause as { cause?: { message?: string; code?: string } };
  const why = system?.message || system?.code || String(cause);
  return new MlflowError(`${uri} cannot be reached: ${why}`, 'UNREACHABLE', 0, { cause });
}

function refusal(url: URL, status: number, text: string): MlflowError {
  try {
    const body: { error_code?: string; message?: string } = JSON.parse(text);
    if (body.error_code) return new MlflowError(body.message ?? body.error_code, body.error_code, status);
  } catch {
    // Not MLflow's own answer: a proxy's page, or a plain 404.
  }
  const shown = text.slice(0, 200).replace(/\s+/g, ' ');
  return new MlflowError(`${url.origin}${url.pathname} answered ${status}: ${shown}`, 'HTTP_ERROR', status);
}
