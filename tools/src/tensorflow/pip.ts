import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { causeOf, lastLine, noNetwork, pythonCommand, quietEnvironment, quietly } from '../python';
import { noRoom, notWritable, size } from './errors';
import type { Wheel } from './platforms';
import { watchDownload } from './progress';

const run = promisify(execFile);

/**
 * Downloads a wheel into `folder` with the user's own pip, whose index, mirror, proxy, certificates and cache apply.
 * Leaves nothing in `folder` when it throws.
 * @returns the wheel's path
 * @throws UserError (exit code 1) if there is no Python, no pip, no network or no room on the disk
 */
export async function pipDownload(wheel: Wheel, folder: string, signal: AbortSignal): Promise<string> {
  const target = await mkdtemp(join(folder, 'wheel-'));
  const stopWatching = watchDownload(wheel, target);
  let finished = false;
  try {
    // The libraries are the same for every Python: ask for a fixed version, whichever one runs pip.
    const selection = ['--no-deps', '--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp'];
    const request = ['--platform', wheel.platform, '--dest', target, `${wheel.name}==${wheel.version}`];
    // pip writes the file to TMPDIR first, and /tmp is often a small memory disk.
    const env = { ...process.env, TMPDIR: target, ...quietEnvironment };
    const args = ['-m', 'pip', 'download', ...quietly, ...selection, ...request];
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

/** A UserError for the reason that pip printed; an error that is not pip's unchanged. */
export function pipFailure(error: unknown, wheel: Wheel, folder: string): unknown {
  if (error instanceof UserError || typeof error !== 'object' || error === null) return error;
  const { code, stderr = '' } = error as Failure;
  const python = pythonCommand();
  const what = `${wheel.name} ${wheel.version}`;
  if (code === 'ENOENT' || code === 'EACCES') {
    return new UserError(
      `${python} was not found, and its pip downloads TensorFlow: install Python 3 with pip, or set PYTHON to it.`,
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
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    return new UserError(`pip refused ${what}: the file does not match the checksum of the package index.`, 1);
  }
  switch (causeOf(stderr)) {
    case 'disk full':
      return noRoom(folder, wheel.bytes + wheel.unpacked);
    case 'not writable':
      return notWritable(folder);
    case 'no network':
      return noNetwork(`download ${what} (${size(wheel.bytes)})`);
  }
  if (/No matching distribution|Could not find a version/.test(stderr)) {
    return new UserError(
      `pip's index offers no ${what} for ${wheel.platform}: check index-url, no-index and find-links in ` +
        '`pip config list` and the PIP_ variables.',
      1,
    );
  }
  return new UserError(`pip could not download ${what}: ${lastLine(stderr) ?? `it exited with code ${code}`}.`, 1);
}
