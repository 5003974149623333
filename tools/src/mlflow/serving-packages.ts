import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { environmentPython } from '@headshare/core/tracking/sync/local-server';
import { servingRequirements } from '@headshare/core/tracking/sync/model-texts';
import { locked } from '../lock';
import { causeOf, lastLine, noNetwork, quietEnvironment, quietly } from '../python';

/** What runs ONNX, without what only its tools import (sympy, coloredlogs). MLflow itself is in the environment already. */
const packages = [
  ...servingRequirements.filter((line) => !line.startsWith('mlflow')),
  'ml_dtypes==0.7.0',
  'flatbuffers==25.12.19',
];

/**
 * The folder with the Python packages that serve models, beside MLflow's environment, which stays as it is; installed by
 * the first call.
 * @throws UserError without MLflow's environment, a network, or room on the disk
 */
export async function servingPackages(
  folder: string,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<string> {
  const python = environmentPython(folder);
  if (!python) throw new UserError('MLflow is not installed: run npx nx run tools:mlflow-setup first', 1);
  const target = join(folder, 'serving');
  const stamp = join(target, 'complete');
  if (existsSync(stamp)) return target;
  await locked(join(folder, 'venv.lock'), 'Another call is installing packages; waiting for it.', signal, async () => {
    if (existsSync(stamp)) return;
    say(`Installing onnx and onnxruntime in ${target} (112 MB) ...`);
    rmSync(target, { recursive: true, force: true });
    const pip = ['-m', 'pip', 'install', ...quietly, '--retries', '2', '--no-deps', '--target', target, ...packages];
    try {
      await promisify(execFile)(python, pip, {
        signal,
        env: { ...process.env, ...quietEnvironment },
        maxBuffer: 2 ** 26,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const { stderr = '', stdout = '' }: { stderr?: string; stdout?: string } = Object(error);
      const cause = causeOf(stdout + stderr);
      if (cause === 'no network') throw noNetwork('install onnxruntime');
      if (cause === 'disk full') throw new UserError(`The disk is full: onnxruntime needs 112 MB in ${folder}.`, 1);
      throw new UserError(`pip could not install onnxruntime: ${lastLine(stderr) ?? String(error)}`, 1);
    }
    writeAtomically(stamp, ['']);
  });
  return target;
}
