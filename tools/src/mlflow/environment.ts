import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { diskProblem } from '@headshare/core/system/whole-file';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { environmentPython, environmentStamp } from '@headshare/core/tracking/sync/local-server';
import { locked } from '../lock';
import { causeOf, lastLine, noNetwork, quietEnvironment, quietly } from '../python';

const run = promisify(execFile);

export interface EnvironmentOptions {
  /** `.mlflow`, where `venv` becomes the environment. */
  readonly folder: string;
  /** pip's requirements file. */
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
 * Makes `folder/venv` a Python environment with exactly `requirements`, unless it is one already. An environment that was
 * interrupted, or made from other requirements, is replaced; its stamp is written last.
 * @throws UserError (exit code 1) if the machine lacks Python, venv, a network, or room on the disk
 */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<void> {
  const { folder, requirements } = options;
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (isComplete(folder, wanted)) return;
  try {
    mkdirSync(folder, { recursive: true });
    const waiting = 'Another call is installing MLflow; waiting for it.';
    await locked(join(folder, 'venv.lock'), waiting, options.signal, async () => {
      if (!isComplete(folder, wanted)) await make(options, wanted);
    });
  } catch (error) {
    throw explain(error, options);
  }
}

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
  await checkVersion(python, signal);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < roomBytes) throw noRoom(folder);
  say(`Installing MLflow in ${venv} (about ${room}, half a minute) ...`);
  rmSync(stamp, { force: true });
  rmSync(venv, { recursive: true, force: true });
  await run(python, ['-m', 'venv', venv], { signal });
  const pip = ['-m', 'pip', 'install', ...quietly, '--retries', '2', '--no-deps', '-r', requirements];
  const env = { ...process.env, ...quietEnvironment };
  await run(join(venv, 'bin', 'python'), pip, { signal, env, maxBuffer: 2 ** 26 });
  writeAtomically(stamp, [`${JSON.stringify({ requirements: wanted })}\n`]);
  say('MLflow is installed.');
}

async function checkVersion(python: string, signal: AbortSignal): Promise<void> {
  const code = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const { stdout } = await run(python, ['-c', code], { signal });
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

/** A UserError for anything that the machine lacks; any other error unchanged. */
function explain(error: unknown, { folder, python, signal }: EnvironmentOptions): unknown {
  if (signal.aborted || error instanceof UserError) return error;
  const { code, syscall = '', stderr = '', stdout = '' }: Failure = Object(error);
  const printed = stdout + stderr;
  if (code === 'ENOENT' && syscall.startsWith('spawn')) {
    return new UserError(`${python} was not found: MLflow needs Python 3.10 or newer (set PYTHON to it).`, 1);
  }
  const cause = causeOf(printed);
  const { kind } = diskProblem(error) ?? {};
  if (kind === 'full' || cause === 'disk full') return noRoom(folder);
  if (kind === 'unwritable' || kind === 'misplaced' || cause === 'not writable') {
    return new UserError(`${folder} cannot be written to: MLflow is installed there.`, 1);
  }
  if (/ensurepip is not available|No module named '?(venv|ensurepip)/.test(printed)) {
    return new UserError(
      `${python} cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv).`,
      1,
    );
  }
  if (cause === 'no network') return noNetwork('install MLflow');
  if (typeof code !== 'number') return error;
  const reason = lastLine(printed) ?? `${python} exited with code ${code}`;
  return new UserError(`MLflow could not be installed: ${reason}.`, 1);
}
