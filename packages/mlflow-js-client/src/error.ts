/** MLflow's error codes that callers most often tell apart, and this client's own; a server may send others. */
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
  /** No connection, or one that was cut. */
  | 'UNREACHABLE'
  /** The server's certificate is not trusted, or ours not accepted. */
  | 'UNTRUSTED_CERTIFICATE'
  | 'TIMEOUT'
  /** An answer that is not MLflow's: a proxy's page, another server. */
  | 'HTTP_ERROR'
  /** Artifacts at an address that neither the server passes on nor this machine can reach as files. */
  | 'UNSUPPORTED_ARTIFACT_STORE'
  /** A path that would leave its folder. */
  | 'UNSAFE_PATH'
  | 'SERVER_NOT_STARTED'
  | (string & {});

/**
 * What went wrong, by who noticed:
 * `refused`: MLflow answered with an error; `code` says which.
 * `unauthorised`: MLflow, or a proxy in front of it, wants other credentials (HTTP 401, 403).
 * `unreachable`: no connection, or one that was cut. `timeout`: no answer in time.
 * `not-mlflow`: an answer that is not MLflow's own.
 * `not-sent`: this client refused to send it, or could not do its own part.
 */
export type MlflowErrorKind = 'refused' | 'unauthorised' | 'unreachable' | 'timeout' | 'not-mlflow' | 'not-sent';

export interface MlflowErrorDetails extends ErrorOptions {
  /** The request, e.g. `GET /api/2.0/mlflow/runs/get`. */
  request?: string;
  /** Milliseconds that the server asked to wait (Retry-After). */
  retryAfter?: number;
}

/** As MLflow's own client has it: what a busy server, or a proxy before a dead one, answers. */
const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);

/**
 * What a call to MLflow failed with.
 * `code` is MLflow's error_code, or one of this client's own (`MlflowErrorCode` lists them).
 * `status` is the HTTP status, 0 when there was no answer.
 */
export class MlflowError extends Error {
  override readonly name = 'MlflowError';
  /** The request that failed, e.g. `GET /api/2.0/mlflow/runs/get`; absent when none was made. */
  readonly request?: string;
  /** Milliseconds that the server asked to wait before the next try. */
  readonly retryAfter?: number;

  constructor(
    message: string,
    readonly code: MlflowErrorCode,
    readonly status: number,
    details: MlflowErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.request = details.request;
    this.retryAfter = details.retryAfter;
  }

  get kind(): MlflowErrorKind {
    if (this.status === 401 || this.status === 403) return 'unauthorised';
    if (this.code === 'UNREACHABLE' || this.code === 'UNTRUSTED_CERTIFICATE') return 'unreachable';
    if (this.code === 'TIMEOUT') return 'timeout';
    if (this.code === 'HTTP_ERROR') return 'not-mlflow';
    return this.status === 0 ? 'not-sent' : 'refused';
  }

  /** Whether the same call may succeed later: no answer, an overloaded server or a proxy in front of a dead one. */
  get transient(): boolean {
    return this.code === 'UNREACHABLE' || this.code === 'TIMEOUT' || transientStatuses.has(this.status);
  }
}

/** What this client refuses to send. */
export function invalid(message: string): MlflowError {
  return new MlflowError(message, 'INVALID_PARAMETER_VALUE', 0);
}
