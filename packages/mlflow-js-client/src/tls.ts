import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { MlflowError } from './error';

export interface TlsOptions {
  /** PEM file of the authorities to trust instead of the system's (MLFLOW_TRACKING_SERVER_CERT_PATH). */
  caFile?: string;
  /** PEM file of the certificate to show the server; it holds the key too, or `keyFile` does. */
  certFile?: string;
  keyFile?: string;
  /** Trusts any certificate (MLFLOW_TRACKING_INSECURE_TLS): whoever is on the way can read and change everything. */
  insecure?: boolean;
}

/**
 * `pooled` keeps connections open between calls. `fresh` opens one for each: a call that must not be repeated should
 * not meet a connection that the server is just closing.
 */
export interface Agents {
  readonly pooled: HttpAgent;
  readonly fresh: HttpAgent;
}

/** uvicorn closes an idle connection after 5 s; ours goes first. Milliseconds. */
const longestIdle = 4000;

/** Reads the files now, so that a wrong path is known at once. Throws MlflowError INVALID_PARAMETER_VALUE. */
export function agentsFor(protocol: string, tls: TlsOptions = {}): Agents {
  if (protocol === 'http:') {
    return { pooled: new HttpAgent({ keepAlive: true, timeout: longestIdle }), fresh: new HttpAgent() };
  }
  const { caFile, certFile, keyFile } = tls;
  const options = {
    ca: caFile ? pem(caFile, 'authorities') : undefined,
    cert: certFile ? pem(certFile, 'certificate') : undefined,
    key: certFile ? pem(keyFile ?? certFile, 'key') : undefined,
    rejectUnauthorized: !tls.insecure,
  };
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
