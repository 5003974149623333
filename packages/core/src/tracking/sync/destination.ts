import { type Connection, connect, environmentOptions, MlflowError } from 'mlflow-js-client';
import { sentenceOf } from '../../system/sentence-of';
import { ensureLocalServer, mlflowFolder } from './local-server';

/** Where journals are sent to. */
export interface Destination {
  /** Tells destinations apart in `journal.sent.json`. The local server's port may change, its data stay the same. */
  readonly name: string;
  /** Starts the server where that is needed. Throws UserError or MlflowError when there is none to be had. */
  connect(signal: AbortSignal): Promise<Connection>;
}

/**
 * The server at `trackingUri` or MLFLOW_TRACKING_URI, on the terms of MLflow's other environment variables: credentials,
 * TLS, timeout, retries; without an address, the workspace's own server.
 * Throws MlflowError when the address is not an http(s) one, or a variable is wrong.
 */
export function destinationOf(trackingUri?: string, environment: NodeJS.ProcessEnv = process.env): Destination {
  const uri = trackingUri ?? environment.MLFLOW_TRACKING_URI;
  if (!uri) return localDestination(mlflowFolder);
  const options = environmentOptions(environment);
  let connection: Connection;
  try {
    connection = connect(uri, options);
  } catch (error) {
    if (trackingUri !== undefined || !(error instanceof MlflowError)) throw error;
    throw new MlflowError(`MLFLOW_TRACKING_URI: ${error.message}`, error.code, error.status);
  }
  return { name: connection.uri, connect: async (signal) => ({ ...connection, signal }) };
}

/** The server over the data in `folder` (.mlflow), started when it does not run. */
function localDestination(folder: string): Destination {
  return {
    name: 'local',
    connect: async (signal) => connect((await ensureLocalServer(folder, signal)).uri, { signal }),
  };
}

/** What went wrong on the way to a destination, and for credentials where they come from; without a full stop. */
export function problemOf(error: unknown): string {
  const sentence = sentenceOf(error);
  if (!(error instanceof MlflowError) || error.kind !== 'unauthorised') return sentence;
  return `${sentence} (are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, right?)`;
}
