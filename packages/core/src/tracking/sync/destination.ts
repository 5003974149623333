import { type Connection, connect, connectFromEnvironment, environmentOptions, MlflowError } from 'mlflow-js-client';
import { sentenceOf } from '../../system/sentence-of';
import { ensureLocalServer, mlflowFolder } from './local-server';

/** The server that journals are sent to. */
export interface Destination {
  /** Identifies the destination in `journal.sent.json`: an address, or `local`, whose port may change. */
  readonly name: string;
  /** Starts the server if necessary. Throws UserError or MlflowError if there is none. */
  connect(signal: AbortSignal): Promise<Connection>;
}

/**
 * The server at `trackingUri` or MLFLOW_TRACKING_URI, with the credentials, TLS, timeout and retries of MLflow's other
 * environment variables, and the proxy of HTTP_PROXY and its kin; without an address, the workspace's own server.
 * @throws MlflowError if the address is not http(s) or a variable is invalid
 */
export function destinationOf(trackingUri?: string, environment: NodeJS.ProcessEnv = process.env): Destination {
  const uri = trackingUri ?? environment.MLFLOW_TRACKING_URI;
  if (!uri) {
    return {
      name: 'local',
      connect: async (signal) => connect((await ensureLocalServer(mlflowFolder, signal)).uri, { signal }),
    };
  }
  const connection =
    trackingUri === undefined
      ? connectFromEnvironment({}, environment)
      : connect(trackingUri, environmentOptions(environment));
  return { name: connection.uri, connect: async (signal) => ({ ...connection, signal }) };
}

/** Describes an error of a destination, with the variables to check for wrong credentials; without a full stop. */
export function problemOf(error: unknown): string {
  const sentence = sentenceOf(error);
  if (!(error instanceof MlflowError) || error.kind !== 'unauthorised') return sentence;
  return `${sentence} (are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, right?)`;
}
