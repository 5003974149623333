/** `nx run tools:mlflow-stop`: stops the workspace's MLflow server. */
import { stopLocalServer } from '@headshare/core/tracking/sync/local-server';
import { command } from '../command';

command(async () => {
  console.log((await stopLocalServer()) ? 'The MLflow server has stopped.' : 'No MLflow server is running.');
});
