/**
 * `nx run tools:mlflow-setup`: installs MLflow's server in `.mlflow/venv`. Reads PYTHON from the environment.
 * With --optional (`tools:tracking`, which experiments depend on), it installs nothing if MLFLOW_TRACKING_URI is set, and
 * only prints a failure: a run without MLflow keeps its journal, which can be sent later.
 */
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { command } from '../command';
import { pythonCommand } from '../python';
import { ensureEnvironment } from './environment';

command(async (signal) => {
  const optional = process.argv.includes('--optional');
  if (optional && process.env.MLFLOW_TRACKING_URI) return;
  try {
    await ensureEnvironment({
      folder: mlflowFolder,
      requirements: join(__dirname, 'requirements.txt'),
      python: pythonCommand(),
      signal,
      say: (line) => console.log(line),
    });
  } catch (error) {
    if (!optional || !(error instanceof UserError)) throw error;
    console.error(
      `${error.message}\nRuns work without MLflow: they keep journals, which \`npx nx run tools:sync\` sends later.`,
    );
  }
});
