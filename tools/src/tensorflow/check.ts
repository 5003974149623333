import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';

const run = promisify(execFile);

export interface CheckResult {
  /** Losses of three training steps. */
  readonly losses: readonly number[];
  readonly gpu: boolean;
}

/**
 * Trains three steps with an addon in another process.
 * @param folder the tfjs-node package that loads it
 * @throws UserError (exit code 1) if the addon cannot be loaded, crashes, or does not learn
 */
export async function checkAddon(addon: string, folder: string, signal: AbortSignal): Promise<CheckResult> {
  const register = join(__dirname, '../../../packages/core/register.cjs');
  const args = ['-r', register, join(__dirname, 'check-child.ts'), addon, folder];
  const env = { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env };
  let stdout: string;
  try {
    ({ stdout } = await run(process.execPath, args, { env, signal, timeout: 300_000 }));
  } catch (error) {
    if (signal.aborted) throw error;
    const { stderr = '', signal: killed } = error as { stderr?: string; signal?: string };
    const reason = killed ? `it was ended by ${killed}` : (stderr.match(/^\w*Error: (.*)$/m)?.[1] ?? stderr.trim());
    throw new UserError(`TensorFlow was built but does not work here: ${reason}`, 1);
  }
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as CheckResult;
  if (!learned(result.losses)) {
    throw new UserError(`TensorFlow was built but does not train: the losses were ${result.losses.join(', ')}.`, 1);
  }
  return result;
}

/** Whether every loss is a number below the one before. */
export function learned(losses: readonly number[]): boolean {
  return losses.length > 1 && losses.every((loss, step) => step === 0 || loss < (losses[step - 1] ?? Number.NaN));
}
