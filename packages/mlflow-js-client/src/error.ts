import { hideSecrets } from './secrets';

/** MLflow's most common error codes and this client's own; a server may send others. */
export type MlflowErrorCode =
  | 'RESOURCE_DOES_NOT_EXIST'
  | 'RESOURCE_ALREADY_EXISTS'
  | 'RESOURCE_CONFLICT'
  | 'RESOURCE_EXHAUSTED'
  | 'REQUEST_LIMIT_EXCEEDED'
  | 'INVALID_PARAMETER_VALUE'
  | 'INVALID_STATE'
  | 'BAD_REQUEST'
  | 'ENDPOINT_NOT_FOUND'
  | 'NOT_IMPLEMENTED'
  | 'INTERNAL_ERROR'
  | 'TEMPORARILY_UNAVAILABLE'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  /** No connection, or a broken one. */
  | 'UNREACHABLE'
  /** The server's certificate is not trusted, or ours is not accepted. */
  | 'UNTRUSTED_CERTIFICATE'
  | 'TIMEOUT'
  /** The answer of a proxy or another server. */
  | 'HTTP_ERROR'
  /** Artifacts that neither the server's proxy nor this machine can access. */
  | 'UNSUPPORTED_ARTIFACT_STORE'
  /** A path that would leave its folder. */
  | 'UNSAFE_PATH'
  | 'SERVER_NOT_STARTED'
  | (string & {});

/**
 * The kind of failure:
 * `refused`: MLflow answered with the error `code`.
 * `unauthorised`: MLflow or a proxy requires other credentials (HTTP 401, 403).
 * `unreachable`: no connection, or a broken one. `timeout`: no answer in time.
 * `not-mlflow`: the answer of a proxy or another server.
 * `not-sent`: this client refused or failed before it sent anything.
 */
export type MlflowErrorKind = 'refused' | 'unauthorised' | 'unreachable' | 'timeout' | 'not-mlflow' | 'not-sent';

export interface MlflowErrorDetails extends ErrorOptions {
  /** The request, e.g. `GET /api/2.0/mlflow/runs/get`. */
  request?: string;
  /** Milliseconds to wait, as the server asked (Retry-After). */
  retryAfter?: number;
}

/** Answers of a busy server, or of a proxy before a dead one; the same as in MLflow's own client. */
const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);

/**
 * The failure of a call to MLflow. `code` is MLflow's error_code or one of this client's own (see `MlflowErrorCode`);
 * `status` is the HTTP status, 0 without an answer.
 */
export class MlflowError extends Error {
  override readonly name = 'MlflowError';
  /** The failed request, e.g. `GET /api/2.0/mlflow/runs/get`; absent if none was made. */
  readonly request?: string;
  /** Milliseconds to wait before the next attempt, as the server asked. */
  readonly retryAfter?: number;

  constructor(
    message: string,
    readonly code: MlflowErrorCode,
    readonly status: number,
    details: MlflowErrorDetails = {},
  ) {
    super(hideSecrets(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.request = details.request;
    this.retryAfter = details.retryAfter;
  }

  get kind(): MlflowErrorKind {
    if (this.code !== 'HTTP_ERROR' && (this.status === 401 || this.status === 403)) return 'unauthorised';
    if (this.code === 'UNREACHABLE' || this.code === 'UNTRUSTED_CERTIFICATE') return 'unreachable';
    if (this.code === 'TIMEOUT') return 'timeout';
    if (this.code === 'HTTP_ERROR') return 'not-mlflow';
    return this.status === 0 ? 'not-sent' : 'refused';
  }

  /** Whether the same call may succeed later: no answer, a busy server, or a proxy before a dead one. */
  get transient(): boolean {
    return this.code === 'UNREACHABLE' || this.code === 'TIMEOUT' || transientStatuses.has(this.status);
  }
}

/** The error for data that this client refuses to send. */
export function invalid(message: string): MlflowError {
  return new MlflowError(message, 'INVALID_PARAMETER_VALUE', 0);
}
