import type { IncomingMessage } from 'node:http';
import { isMarkup, shownAnswer } from './answer-text';
import type { Connection } from './connection';
import { MlflowError } from './error';
import { hideInAddress } from './secrets';
import { wantsCredentials } from './tunnel-agent';

/** Whether the connection failed before anything was sent. */
export function neverArrived(cause: unknown): boolean {
  const { code, errors } = Object(cause) as { code?: string; errors?: unknown[] };
  // A host name with several addresses gives an error for each.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(neverArrived);
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code ?? '');
}

/** Whether an error code belongs to the network, not the file system. */
export function isOfTheNetwork(code: string | undefined): boolean {
  const network =
    /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|EPROTO|EADDR|HPE_|ERR_SSL|ERR_TLS|ERR_STREAM_PREMATURE)/;
  return code !== undefined && (network.test(code) || certificateProblem(code));
}

/** Whether an error code of OpenSSL or Node is about a certificate. */
export function certificateProblem(code: string | undefined): boolean {
  return code !== undefined && /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALERT_UNKNOWN_CA/.test(code);
}

/** Turns an answer other than 2xx into an error, with MLflow's own code and message if it has them. */
export function refusal(connection: Connection, request: string, response: IncomingMessage, text: string): MlflowError {
  const status = response.statusCode ?? 0;
  const details = { request, retryAfter: retryAfter(response.headers['retry-after']) };
  try {
    const body: { error_code?: string; message?: string } = JSON.parse(text);
    if (body.error_code) {
      const message = isMarkup(body.message ?? '') ? shownAnswer(body.message ?? '') : body.message;
      return new MlflowError(message || body.error_code, body.error_code, status, details);
    }
  } catch {
    // A proxy's page or a plain 404, not MLflow's JSON.
  }
  const path = `${connection.uri}${request.replace(/^\S+ /, '')}`;
  const said = shownAnswer(text, status);
  const shown = said === '' ? '' : `: ${said}`;
  if (status === 407 && connection.proxy) return wantsCredentials(connection.proxy);
  if (status >= 300 && status < 400) {
    const { location } = response.headers;
    const where = location === undefined ? 'elsewhere' : hideInAddress(location);
    return new MlflowError(`${path} has moved to ${where}`, 'HTTP_ERROR', status, details);
  }
  // MLflow's basic authentication answers in plain text.
  if (status === 401)
    return new MlflowError(`${path} requires credentials${shown}`, 'UNAUTHENTICATED', status, details);
  if (status === 403) return new MlflowError(`${path} is forbidden${shown}`, 'PERMISSION_DENIED', status, details);
  return new MlflowError(`${path} answered ${status}${shown}`, 'HTTP_ERROR', status, details);
}

/** Milliseconds, from a header in seconds or with a date. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
