/**
 * What a call to MLflow failed with.
 * `code` is MLflow's error_code (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE...), or UNREACHABLE when no server
 * answered, TIMEOUT when it answered too late, HTTP_ERROR when the answer was not MLflow's.
 * `status` is the HTTP status, 0 when there was no answer.
 */
export class MlflowError extends Error {
  override readonly name = 'MlflowError';

  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later: no answer, an overloaded server or a proxy in front of a dead one. */
  get transient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}
