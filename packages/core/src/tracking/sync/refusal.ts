import { MlflowError } from 'mlflow-js-client';

/** Whether the server or its client found fault with the data: sending them again would change nothing. */
export function isRefusal(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError)) return false;
  const unsendable = error.kind === 'not-sent' && ['INVALID_PARAMETER_VALUE', 'UNSAFE_PATH'].includes(error.code);
  return unsendable || error.status === 400 || error.status === 413;
}

/** Whether the server is of an MLflow that has no such call: logged models came with MLflow 3. */
export function isUnknownEndpoint(error: unknown): error is MlflowError {
  return error instanceof MlflowError && error.status === 404 && error.code !== 'RESOURCE_DOES_NOT_EXIST';
}
