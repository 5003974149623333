import { type Connection, type ConnectOptions, connect } from './connection';
import { invalid } from './error';

/**
 * The options in MLflow's environment variables:
 * MLFLOW_TRACKING_TOKEN, _USERNAME, _PASSWORD, _INSECURE_TLS, _SERVER_CERT_PATH, _CLIENT_CERT_PATH,
 * MLFLOW_HTTP_REQUEST_TIMEOUT (seconds) and MLFLOW_HTTP_REQUEST_MAX_RETRIES. An empty variable counts as absent.
 * Throws MlflowError INVALID_PARAMETER_VALUE for an invalid number or switch.
 */
export function environmentOptions(environment: NodeJS.ProcessEnv = process.env): ConnectOptions {
  const text = (name: string): string | undefined => environment[name] || undefined;
  const number = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d+(\.\d+)?$/.test(value)) throw invalid(`${name} is "${value}", not a number`);
    return value === undefined ? undefined : Number(value);
  };
  const seconds = number('MLFLOW_HTTP_REQUEST_TIMEOUT');
  const insecure = text('MLFLOW_TRACKING_INSECURE_TLS')?.toLowerCase();
  if (insecure !== undefined && !['true', 'false', '1', '0'].includes(insecure)) {
    throw invalid(`MLFLOW_TRACKING_INSECURE_TLS is "${insecure}", not true or false`);
  }
  return {
    token: text('MLFLOW_TRACKING_TOKEN'),
    username: text('MLFLOW_TRACKING_USERNAME'),
    password: text('MLFLOW_TRACKING_PASSWORD'),
    timeout: seconds === undefined ? undefined : seconds * 1000,
    retries: number('MLFLOW_HTTP_REQUEST_MAX_RETRIES'),
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
  return connect(uri, { ...environmentOptions(environment), ...given });
}
