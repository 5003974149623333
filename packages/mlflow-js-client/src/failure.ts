import type { IncomingMessage } from 'node:http';
import type { Connection } from './connection';
import { MlflowError } from './error';

/** Whether the connection failed before anything was sent on it. */
export function neverArrived(cause: unknown): boolean {
  const { code, errors } = Object(cause) as { code?: string; errors?: unknown[] };
  // One error for each of a name's addresses.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(neverArrived);
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code ?? '');
}

/** Whether an error is the connection's, by its code; the file system's are not. */
export function isOfTheNetwork(code: string | undefined): boolean {
  const network =
    /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|EPROTO|EADDR|HPE_|ERR_SSL|ERR_TLS|ERR_STREAM_PREMATURE)/;
  return code !== undefined && (network.test(code) || certificateProblem(code));
}

/** Whether OpenSSL or Node found fault with a certificate, by the error's code. */
export function certificateProblem(code: string | undefined): boolean {
  return code !== undefined && /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALERT_UNKNOWN_CA/.test(code);
}

/** An answer other than 2xx as an error, with MLflow's own code and message where it has them. */
export function refusal(connection: Connection, request: string, response: IncomingMessage, text: string): MlflowError {
  const status = response.statusCode ?? 0;
  const details = { request, retryAfter: retryAfter(response.headers['retry-after']) };
  try {
    const body: { error_code?: string; message?: string } = JSON.parse(text);
    if (body.error_code) return new MlflowError(body.message || body.error_code, body.error_code, status, details);
  } catch {
    // Not MLflow's own answer: a proxy's page, or a plain 404.
  }
  const path = `${connection.uri}${request.replace(/^\S+ /, '')}`;
  const shown = text.slice(0, 200).replace(/\s+/g, ' ').trim();
  if (status >= 300 && status < 400) {
    return new MlflowError(`${path} has moved to ${response.headers.location}`, 'HTTP_ERROR', status, details);
  }
  // MLflow's basic authentication answers in plain words.
  if (status === 401) return new MlflowError(`${path} wants credentials: ${shown}`, 'UNAUTHENTICATED', status, details);
  if (status === 403) return new MlflowError(`${path} is forbidden: ${shown}`, 'PERMISSION_DENIED', status, details);
  return new MlflowError(`${path} answered ${status}: ${shown}`, 'HTTP_ERROR', status, details);
}

/** Milliseconds, from seconds or a date. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
