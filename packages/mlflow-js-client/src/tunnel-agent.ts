import { request as httpRequest } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { MlflowError } from './error';
import type { HttpProxy } from './proxy';

/** Milliseconds for a proxy to open a connection. */
const patience = 30_000;

/** The parts of a request's options that the connection needs. */
interface Target {
  readonly host?: string | null;
  readonly port?: number | string | null;
  readonly servername?: string;
}

/** Makes TLS connections to servers through a proxy, which passes the encrypted bytes on (CONNECT). */
export class TunnelAgent extends HttpsAgent {
  constructor(
    private readonly proxy: HttpProxy,
    private readonly tls: AgentOptions,
  ) {
    super(tls);
  }

  override createConnection(options: object, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const { host, port, servername }: Target = options;
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const { url, authorization } = this.proxy;
    const name = host ?? 'localhost';
    const authority = `${name.includes(':') ? `[${name}]` : name}:${port ?? 443}`;
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(authorization && { 'proxy-authorization': authorization }) },
      agent: false,
      ...(url.protocol === 'https:' && { ca: this.tls.ca, rejectUnauthorized: this.tls.rejectUnauthorized }),
    });
    request.setTimeout(patience, () =>
      request.destroy(Object.assign(new Error(`no answer within ${patience / 1000} s`), { code: 'ETIMEDOUT' })),
    );
    request.once('error', (error) => done(error));
    request.once('connect', (response, socket, head) => {
      request.setTimeout(0);
      socket.setTimeout(0);
      if (response.statusCode !== 200) {
        socket.destroy();
        done(refusedBy(this.proxy, authority, response.statusCode ?? 0, response.statusMessage));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      const secure = connect({ ...options, socket, servername: servername || (isIP(name) ? undefined : name) });
      done(null, secure);
    });
    request.end();
    return undefined;
  }
}

function refusedBy(proxy: HttpProxy, target: string, status: number, reason = ''): MlflowError {
  if (status === 407) return wantsCredentials(proxy);
  const said = `${status} ${reason}`.trim();
  return new MlflowError(
    `the proxy ${proxy.url.origin} (${proxy.variable}) opened no connection to ${target}: it answered ${said}`,
    'HTTP_ERROR',
    status,
  );
}

/** The error for a proxy that asks for a user name and password (HTTP 407). */
export function wantsCredentials({ url, variable, authorization }: HttpProxy): MlflowError {
  const problem = authorization === undefined ? 'asks for' : 'does not accept';
  return new MlflowError(
    `the proxy ${url.origin} ${problem} a user name and password: write them before the host in ${variable}`,
    'HTTP_ERROR',
    407,
  );
}
