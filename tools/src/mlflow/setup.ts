/**
 * `nx run tools:mlflow-setup`: installs MLflow's server in `.mlflow/venv`. Reads PYTHON from the environment.
 * With --optional (`tools:tracking`, which experiments depend on), nothing is installed when MLFLOW_TRACKING_URI names
 * a server, and a failure is only told: a run without MLflow keeps its journal, which can be sent later.
 */
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { command } from './command';
import { ensureEnvironment } from './environment';

command(async (signal) => {
  const optional = process.argv.includes('--optional');
  if (optional && process.env.MLFLOW_TRACKING_URI) return;
  try {
    await ensureEnvironment({
      folder: mlflowFolder,
      requirements: join(__dirname, 'requirements.txt'),
      python: process.env.PYTHON || 'python3',
      signal,
      say: (line) => console.log(line),
    });
  } catch (error) {
    if (!optional || !(error instanceof UserError)) throw error;
    console.error(
      `${error.message}\nRuns go on without MLflow: their journals are kept, and sent by tools:sync later.`,
    );
  }
});
