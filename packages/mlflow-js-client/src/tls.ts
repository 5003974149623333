import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { MlflowError } from './error';
import type { HttpProxy } from './proxy';
import { TunnelAgent } from './tunnel-agent';

export interface TlsOptions {
  /** PEM file of the authorities to trust, instead of the system's (MLFLOW_TRACKING_SERVER_CERT_PATH). */
  caFile?: string;
  /** PEM file of the client's certificate; holds the key too, unless there is a `keyFile`. */
  certFile?: string;
  keyFile?: string;
  /** Trusts any certificate (MLFLOW_TRACKING_INSECURE_TLS): anyone in between can read and change everything. */
  insecure?: boolean;
}

/**
 * `pooled` keeps connections open between calls; `fresh` opens one for each call. A call that must not be repeated
 * should not use a connection that the server may be closing.
 */
export interface Agents {
  readonly pooled: HttpAgent;
  readonly fresh: HttpAgent;
}

/** Milliseconds; uvicorn closes idle connections after 5 s. */
const longestIdle = 4000;

/**
 * The agents for a server's protocol. Through a proxy, requests of http go to the proxy itself, those of https through a
 * tunnel. Reads the TLS files. Throws MlflowError INVALID_PARAMETER_VALUE if one cannot be read.
 */
export function agentsFor(protocol: string, tls: TlsOptions = {}, proxy?: HttpProxy): Agents {
  const isTunnel = protocol === 'https:' && proxy !== undefined;
  if ((proxy && !isTunnel ? proxy.url.protocol : protocol) === 'http:') {
    return { pooled: new HttpAgent({ keepAlive: true, timeout: longestIdle }), fresh: new HttpAgent() };
  }
  const { caFile, certFile, keyFile } = tls;
  const options = {
    ca: caFile ? pem(caFile, 'authorities') : undefined,
    cert: certFile ? pem(certFile, 'certificate') : undefined,
    key: certFile ? pem(keyFile ?? certFile, 'key') : undefined,
    rejectUnauthorized: !tls.insecure,
  };
  if (isTunnel) {
    return {
      pooled: new TunnelAgent(proxy, { ...options, keepAlive: true, timeout: longestIdle }),
      fresh: new TunnelAgent(proxy, options),
    };
  }
  return {
    pooled: new HttpsAgent({ ...options, keepAlive: true, timeout: longestIdle }),
    fresh: new HttpsAgent(options),
  };
}

function pem(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new MlflowError(`the TLS ${what} in ${file} cannot be read: ${code}`, 'INVALID_PARAMETER_VALUE', 0, {
      cause,
    });
  }
}
