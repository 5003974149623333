import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { environmentPython, environmentStamp } from '@headshare/core/tracking/sync/local-server';
import { lock } from 'proper-lockfile';

export interface EnvironmentOptions {
  /** `.mlflow`: the environment is made in `venv` in it. */
  readonly folder: string;
  /** The file that pip installs from. */
  readonly requirements: string;
  /** Any Python 3.10 or newer. */
  readonly python: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const room = '400 MB';
const roomBytes = 400e6;

const noRoom = (folder: string): UserError =>
  new UserError(`The disk is full: MLflow needs ${room} free in ${folder}.`, 1);

/**
 * Sees to it that `folder/venv` is a Python environment with exactly `requirements`. One that is complete is left
 * alone; one that was interrupted, or made from other requirements, is made anew: its stamp is written last.
 * Throws UserError (exit code 1) for what the machine lacks: Python, venv, the network, room on the disk.
 */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<void> {
  const { folder, requirements } = options;
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (isComplete(folder, wanted)) return;
  try {
    mkdirSync(folder, { recursive: true });
    const release = await lock(folder, {
      lockfilePath: join(folder, 'venv.lock'),
      realpath: false,
      stale: 20_000,
      retries: { forever: true, factor: 1, minTimeout: 500 },
      onCompromised: () => undefined,
    });
    try {
      if (!isComplete(folder, wanted)) await make(options, wanted);
    } finally {
      await release();
    }
  } catch (error) {
    throw explain(error, options);
  }
}

/** The digest of the requirements that the environment was made from stands in its stamp. */
function isComplete(folder: string, wanted: string): boolean {
  if (!environmentPython(folder)) return false;
  try {
    return JSON.parse(readFileSync(environmentStamp(folder), 'utf8')).requirements === wanted;
  } catch {
    return false;
  }
}

async function make({ folder, requirements, python, signal, say }: EnvironmentOptions, wanted: string): Promise<void> {
  const venv = join(folder, 'venv');
  const stamp = environmentStamp(folder);
  const run = promisify(execFile);
  await checkVersion(python, signal);
  const { bavail, bsize } = statfsSync(folder);
  // Before pip has downloaded for half a minute.
  if (bavail * bsize < roomBytes) throw noRoom(folder);
  say(`Installing MLflow in ${venv} (about ${room}, half a minute) ...`);
  rmSync(stamp, { force: true });
  rmSync(venv, { recursive: true, force: true });
  await run(python, ['-m', 'venv', venv], { signal });
  const pip = ['-m', 'pip', 'install', '--no-input', '--progress-bar', 'off', '--retries', '2'];
  const environment = { ...process.env, PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  await run(join(venv, 'bin', 'python'), [...pip, '--no-deps', '-r', requirements], {
    signal,
    env: environment,
    maxBuffer: 2 ** 26,
  });
  writeFileSync(`${stamp}.tmp`, `${JSON.stringify({ requirements: wanted })}\n`, { flush: true });
  renameSync(`${stamp}.tmp`, stamp);
  say('MLflow is installed.');
}

async function checkVersion(python: string, signal: AbortSignal): Promise<void> {
  const code = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const { stdout } = await promisify(execFile)(python, ['-c', code], { signal });
  const [major = 0, minor = 0] = stdout.trim().split('.').map(Number);
  if (major === 3 && minor >= 10) return;
  throw new UserError(
    `MLflow needs Python 3.10 or newer, and ${python} is ${stdout.trim()}: set PYTHON to a newer one.`,
    1,
  );
}

interface Failure {
  readonly code?: unknown;
  readonly syscall?: string;
  readonly stderr?: string;
  readonly stdout?: string;
}

/** One sentence for what the machine lacks. Errors that are not the machine's come back as they are. */
function explain(error: unknown, { folder, python, signal }: EnvironmentOptions): unknown {
  if (signal.aborted || error instanceof UserError) return error;
  const { code, syscall = '', stderr = '', stdout = '' }: Failure = Object(error);
  const printed = stdout + stderr;
  if (code === 'ENOENT' && syscall.startsWith('spawn')) {
    return new UserError(`${python} was not found: MLflow needs Python 3.10 or newer (set PYTHON to it).`, 1);
  }
  if (code === 'ENOSPC' || /No space left on device|Errno 28|Disk quota exceeded/.test(printed)) {
    return noRoom(folder);
  }
  // Node reports a folder that cannot be made on a read-only file system as ENOENT.
  if (
    code === 'EACCES' ||
    code === 'EROFS' ||
    code === 'ENOENT' ||
    code === 'EEXIST' ||
    code === 'ENOTDIR' ||
    /Read-only file system|Permission denied/.test(printed)
  ) {
    return new UserError(`${folder} cannot be written to: MLflow is installed there.`, 1);
  }
  if (/ensurepip is not available|No module named '?(venv|ensurepip)/.test(printed)) {
    return new UserError(
      `${python} cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv).`,
      1,
    );
  }
  if (/Retrying \(|Max retries exceeded|NewConnectionError|ReadTimeout|ConnectTimeout|ProxyError/.test(printed)) {
    return new UserError(
      'pip could not reach its package index to install MLflow: check the network, the proxy and `pip config list`.',
      1,
    );
  }
  if (typeof code !== 'number') return error;
  const reason = printed.split('\n').findLast((line) => line.trim() !== '');
  return new UserError(`MLflow could not be installed: ${reason ?? `${python} exited with code ${code}`}.`, 1);
}
