import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { noRoom, notWritable, size } from './errors';
import type { Wheel } from './platforms';
import { watchDownload } from './progress';

const run = promisify(execFile);

/** The interpreter whose pip downloads: PYTHON where it is set, else python3. */
export function pythonCommand(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.PYTHON || 'python3';
}

/**
 * Downloads `wheel` into `folder` with the user's own pip, so that its index, mirror, proxy, certificates and cache
 * apply.
 * @returns the wheel's path. Nothing is left in `folder` when it throws.
 * @throws UserError (exit code 1) for no Python, no pip, no network, a full disk.
 */
export async function pipDownload(wheel: Wheel, folder: string, signal: AbortSignal): Promise<string> {
  const target = await mkdtemp(join(folder, 'wheel-'));
  const stopWatching = watchDownload(wheel, target);
  let finished = false;
  try {
    // The libraries are the same for every Python: ask for one fixed version, whichever runs pip.
    const selection = ['--no-deps', '--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp'];
    const request = ['--platform', wheel.platform, '--dest', target, `${wheel.name}==${wheel.version}`];
    // TMPDIR: pip writes the file there first, and /tmp is often a small memory disk.
    const env = { ...process.env, TMPDIR: target, PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
    const args = ['-m', 'pip', 'download', '--no-input', '--progress-bar', 'off', ...selection, ...request];
    await run(pythonCommand(), args, { env, signal, maxBuffer: 2 ** 26 });

    const file = (await readdir(target)).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new UserError(`pip reported success but left no file of ${wheel.name}.`, 1);
    finished = true;
    return join(target, file);
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw signal.aborted ? error : pipFailure(error, wheel, folder);
  } finally {
    stopWatching(finished);
  }
}

interface Failure {
  readonly code?: unknown;
  readonly stderr?: string;
}

/** One sentence for why pip failed, from what it printed. Other errors come back as they are. */
export function pipFailure(error: unknown, wheel: Wheel, folder: string): unknown {
  if (error instanceof UserError || typeof error !== 'object' || error === null) return error;
  const { code, stderr = '' } = error as Failure;
  const python = pythonCommand();
  const what = `${wheel.name} ${wheel.version}`;
  if (code === 'ENOENT' || code === 'EACCES') {
    return new UserError(
      `${python} was not found, and pip is what downloads TensorFlow: install Python 3 with pip, or set PYTHON to it.`,
      1,
    );
  }
  if (typeof code !== 'number') return error;
  if (/No module named '?pip/.test(stderr)) {
    return new UserError(
      `${python} has no pip, which downloads TensorFlow: install it (Debian, Ubuntu: apt install python3-pip; ` +
        `elsewhere: ${python} -m ensurepip), or set PYTHON to a Python that has it.`,
      1,
    );
  }
  if (/No space left on device|Errno 28|Disk quota exceeded/.test(stderr)) {
    return noRoom(folder, wheel.bytes + wheel.unpacked);
  }
  if (/Read-only file system|Errno 30|Errno 13/.test(stderr)) return notWritable(folder);
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    return new UserError(`pip refused ${what}: the file does not match the checksum that the index gives for it.`, 1);
  }
  if (/Retrying \(|Max retries exceeded|NewConnectionError|ReadTimeout|ConnectTimeout|ProxyError/.test(stderr)) {
    return new UserError(
      `pip could not reach its package index to download ${what} (${size(wheel.bytes)}): check the network, the proxy and ` +
        '`pip config list`.',
      1,
    );
  }
  if (/No matching distribution|Could not find a version/.test(stderr)) {
    return new UserError(
      `pip's index offers no ${what} for ${wheel.platform}: check index-url, no-index and find-links in ` +
        '`pip config list` and the PIP_ variables.',
      1,
    );
  }
  const reason = stderr
    .split('\n')
    .filter((line) => line.trim() !== '')
    .at(-1);
  return new UserError(`pip could not download ${what}: ${reason ?? `it exited with code ${code}`}.`, 1);
}
