import { MlflowError } from './error';
import { type Agents, agentsFor, type TlsOptions } from './tls';

/**
 * How to reach a tracking server. Made by `connect`; every call takes it as its first argument. Plain data: a copy with
 * other values, `{ ...connection, signal, timeout: 5000 }`, is the same server under other terms.
 */
export interface Connection {
  /** The server's address without a trailing slash, and without user name and password. */
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds that one try may take; for files, that may pass without a byte moving. */
  readonly timeout: number;
  /** How often a call that is safe to repeat is repeated after a transient failure. */
  readonly retries: number;
  /** Before the nth repetition at most `retryDelay * 2^(n-1)` milliseconds pass, ... */
  readonly retryDelay: number;
  /** ... and never more than this, by our own choice or the server's (Retry-After; one that asks for more is an error). */
  readonly longestDelay: number;
  /** Ends all calls when it is aborted; they throw its reason. */
  readonly signal?: AbortSignal;
  readonly agents: Agents;
}

export interface ConnectOptions {
  /** Bearer token, as in MLFLOW_TRACKING_TOKEN. With user name and password also given, those are used, as MLflow does. */
  token?: string;
  username?: string;
  password?: string;
  /** Sent with every call. */
  headers?: Record<string, string>;
  tls?: TlsOptions;
  /** Milliseconds; 30 000 by default. */
  timeout?: number;
  /** 3 by default. */
  retries?: number;
  /** Milliseconds; 500 by default. */
  retryDelay?: number;
  /** Milliseconds; 30 000 by default. */
  longestDelay?: number;
  signal?: AbortSignal;
}

/**
 * Describes a server; nothing is sent. Credentials come from the options or from the address (http://user:pw@host).
 * Throws MlflowError (INVALID_PARAMETER_VALUE) when `uri` is not an http(s) address or a TLS file cannot be read.
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
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value;
  if (username) headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  else if (options.token) headers.authorization = `Bearer ${options.token}`;
  return {
    uri: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    headers,
    timeout: options.timeout ?? 30_000,
    retries: options.retries ?? 3,
    retryDelay: options.retryDelay ?? 500,
    longestDelay: options.longestDelay ?? 30_000,
    signal: options.signal,
    agents: agentsFor(url.protocol, options.tls),
  };
}

/** Closes the connections that are kept open. They keep no process alive; this is for one that goes on. */
export function disconnect(connection: Connection): void {
  connection.agents.pooled.destroy();
  connection.agents.fresh.destroy();
}

/** The same server, for calls that `signal` ends as well. */
export function withSignal(connection: Connection, signal: AbortSignal | undefined): Connection {
  if (!signal) return connection;
  return { ...connection, signal: connection.signal ? AbortSignal.any([connection.signal, signal]) : signal };
}
