/**
 * `nx run tools:mlflow`: starts MLflow's user interface for the workspace's runs, until Ctrl-C. If a server is running
 * already, prints its address.
 */
import { once } from 'node:events';
import { ensureLocalServer, stopLocalServer } from '@headshare/core/tracking/sync/local-server';
import { command } from '../command';

command(async (signal) => {
  const server = await ensureLocalServer(undefined, signal);
  const address = `${server.uri}/#/experiments?workflowType=machine_learning`;
  if (!server.started) {
    console.log(`MLflow is at ${address} (already running; \`npx nx run tools:mlflow-stop\` stops it).`);
    return;
  }
  console.log(`MLflow is at ${address} (Ctrl-C stops it).`);
  // The server is another process: keep this one alive.
  const alive = setInterval(() => undefined, 60_000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
  await stopLocalServer();
});
