/** `nx run tools:mlflow-stop`: ends the workspace's MLflow server, if it runs. */
import { stopLocalServer } from '@headshare/core/tracking/sync/local-server';
import { command } from './command';

command(async () => {
  console.log((await stopLocalServer()) ? 'The MLflow server has ended.' : 'No MLflow server is running.');
});
