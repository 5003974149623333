/**
 * `nx run tools:mlflow`: MLflow's user interface over the workspace's runs. A server that runs already is named; one
 * started here is ended by Ctrl-C.
 */
import { once } from 'node:events';
import { ensureLocalServer, stopLocalServer } from '@headshare/core/tracking/sync/local-server';
import { command } from './command';

command(async (signal) => {
  const server = await ensureLocalServer(undefined, signal);
  const address = `${server.uri}/#/experiments?workflowType=machine_learning`;
  if (!server.started) {
    console.log(`MLflow is at ${address} (running already; \`npx nx run tools:mlflow-stop\` ends it).`);
    return;
  }
  console.log(`MLflow is at ${address} (Ctrl-C ends it).`);
  // Keeps the process alive; the server is one of its own.
  const alive = setInterval(() => undefined, 60_000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
  await stopLocalServer();
});
