import { readAddress } from './address';
import { invalid } from './error';
import { type HttpProxy, type ProxyVariables, proxyFor, proxyVariables } from './proxy';
import { type Agents, agentsFor, type TlsOptions } from './tls';

/**
 * Describes a tracking server; `connect` makes it, every call takes it first. It is plain data: a copy such as
 * `{ ...connection, timeout: 5000 }` is the same server with other settings.
 */
export interface Connection {
  /** The server's address without trailing slash, user name and password. */
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for one attempt; for files, milliseconds without progress. */
  readonly timeout: number;
  /** How often a call is repeated after a transient failure if that is safe. */
  readonly retries: number;
  /** The pause before the nth repetition is random, up to `retryDelay * 2^(n-1)` milliseconds. */
  readonly retryDelay: number;
  /** The longest pause in milliseconds. A call fails if the server asks for a longer one (Retry-After). */
  readonly longestDelay: number;
  /** Aborting it ends all calls with its reason. */
  readonly signal?: AbortSignal;
  readonly agents: Agents;
  /** The proxy between this machine and the server. */
  readonly proxy?: HttpProxy;
  /** The variables that choose a proxy. */
  readonly proxies: ProxyVariables;
}

export interface ConnectOptions {
  /** Bearer token (MLFLOW_TRACKING_TOKEN); user name and password take precedence, as in MLflow. */
  token?: string;
  username?: string;
  password?: string;
  /** Sent with every call. */
  headers?: Record<string, string>;
  tls?: TlsOptions;
  /** Variables such as HTTPS_PROXY and NO_PROXY; `process.env` will do. Without them, no proxy is used. */
  proxies?: ProxyVariables;
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
 * Throws MlflowError INVALID_PARAMETER_VALUE if `uri` is not an http(s) address, a proxy is none, or a TLS file cannot be
 * read.
 */
export function connect(uri: string, options: ConnectOptions = {}): Connection {
  return connectTo(uri, options);
}

/** @param variable holds the address, for errors */
function connectTo(uri: string, options: ConnectOptions, variable?: string): Connection {
  const address = readAddress(uri, variable);
  const { url } = address;
  const username = options.username ?? address.username;
  const password = options.password ?? address.password;
  const proxies = proxyVariables(options.proxies ?? {});
  const proxy = proxyFor(url, proxies);
  url.username = '';
  url.password = '';
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value;
  if (username) headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  else if (options.token && /[^ -~]/.test(options.token)) {
    throw invalid('the token (MLFLOW_TRACKING_TOKEN) has characters that cannot be sent, such as a line break');
  } else if (options.token) headers.authorization = `Bearer ${options.token}`;
  return {
    uri: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    headers,
    timeout: options.timeout ?? 30_000,
    retries: options.retries ?? 3,
    retryDelay: options.retryDelay ?? 500,
    longestDelay: options.longestDelay ?? 30_000,
    signal: options.signal,
    agents: agentsFor(url.protocol, options.tls, proxy),
    proxy,
    proxies,
  };
}

/** The longest time in milliseconds that Node's timers count. */
const longestTimer = 2 ** 31 - 1;

/** Closes the open connections. A process can also end without this. */
export function disconnect(connection: Connection): void {
  connection.agents.pooled.destroy();
  connection.agents.fresh.destroy();
}

/** Another server with the same timeouts and retries, but without this one's credentials, headers and TLS options. */
export function withoutCredentials(connection: Connection, uri: string): Connection {
  const { timeout, retries, retryDelay, longestDelay, signal, proxies } = connection;
  return connect(uri, { timeout, retries, retryDelay, longestDelay, signal, proxies });
}

/** The same server, with a further signal that ends its calls. */
export function withSignal(connection: Connection, signal: AbortSignal | undefined): Connection {
  if (!signal) return connection;
  return { ...connection, signal: connection.signal ? AbortSignal.any([connection.signal, signal]) : signal };
}

/**
 * The options in MLflow's environment variables:
 * MLFLOW_TRACKING_TOKEN, _USERNAME, _PASSWORD, _INSECURE_TLS, _SERVER_CERT_PATH, _CLIENT_CERT_PATH,
 * MLFLOW_HTTP_REQUEST_TIMEOUT (seconds), MLFLOW_HTTP_REQUEST_MAX_RETRIES, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
 * NO_PROXY. An empty variable counts as absent.
 * Throws MlflowError INVALID_PARAMETER_VALUE for an invalid number or switch.
 */
export function environmentOptions(environment: NodeJS.ProcessEnv = process.env): ConnectOptions {
  const text = (name: string): string | undefined => environment[name] || undefined;
  const number = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d+(\.\d+)?$/.test(value)) throw invalid(`${name} is "${value}", not a number`);
    return value === undefined ? undefined : Number(value);
  };
  const retries = number('MLFLOW_HTTP_REQUEST_MAX_RETRIES');
  if (!Number.isSafeInteger(retries ?? 0)) {
    throw invalid(
      `MLFLOW_HTTP_REQUEST_MAX_RETRIES is "${text('MLFLOW_HTTP_REQUEST_MAX_RETRIES')}", not a whole number`,
    );
  }
  const seconds = number('MLFLOW_HTTP_REQUEST_TIMEOUT');
  const insecure = text('MLFLOW_TRACKING_INSECURE_TLS')?.toLowerCase();
  if (insecure !== undefined && !['true', 'false', '1', '0'].includes(insecure)) {
    throw invalid(`MLFLOW_TRACKING_INSECURE_TLS is "${insecure}", not true or false`);
  }
  return {
    token: text('MLFLOW_TRACKING_TOKEN'),
    username: text('MLFLOW_TRACKING_USERNAME'),
    password: text('MLFLOW_TRACKING_PASSWORD'),
    timeout: seconds === undefined ? undefined : Math.min(seconds * 1000, longestTimer),
    retries,
    proxies: proxyVariables(environment),
    tls: {
      caFile: text('MLFLOW_TRACKING_SERVER_CERT_PATH'),
      certFile: text('MLFLOW_TRACKING_CLIENT_CERT_PATH'),
      insecure: insecure === 'true' || insecure === '1',
    },
  };
}

/** The server at MLFLOW_TRACKING_URI with the options of the other variables; `options` override them. */
export function connectFromEnvironment(
  options: ConnectOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Connection {
  const uri = environment.MLFLOW_TRACKING_URI;
  if (!uri) throw invalid('MLFLOW_TRACKING_URI is not set');
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return connectTo(uri, { ...environmentOptions(environment), ...given }, 'MLFLOW_TRACKING_URI');
}
