import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explained, noRoom, size } from './errors';
import { pipDownload } from './pip';
import { type Platform, wheelsOf } from './platforms';
import { say } from './progress';
import { stampFiles, wheelDigests, writeStamp } from './stamp';
import { extract, verify } from './wheel';

/** The C API's headers and what they include: 2 MB of the wheel's 250. */
const headers = [
  'tensorflow/c/',
  'tensorflow/core/common_runtime/next_pluggable_device/c/',
  'tensorflow/core/platform/ctstring',
  'tsl/platform/',
  'xla/tsl/c/',
];

/** Where an entry of one of `platform`'s wheels goes below `.tensorflow/<device>`; undefined for what is not needed. */
export function placeOf(entry: string, { libraries }: Platform): string | undefined {
  if (entry === `tensorflow/${libraries.cc}`) return `lib/${libraries.cc}`;
  if (entry === `tensorflow/${libraries.framework}`) return `lib/${libraries.framework}`;
  const header = entry.replace(/^tensorflow\/include\//, '');
  if (header !== entry && header.endsWith('.h') && headers.some((prefix) => header.startsWith(prefix))) {
    return `include/${header}`;
  }
  // TensorFlow's libraries look for CUDA's in ../nvidia/*/lib, and for its compiler in ../nvidia/cuda_nvcc.
  if (/^nvidia\/[^/]+\/lib\/[^/]+$/.test(entry) || entry.startsWith('nvidia/cuda_nvcc/')) return entry;
  return undefined;
}

/**
 * Downloads, verifies and unpacks the wheels of `platform` into `folder`, which appears under that name only when it
 * is complete, and replaces an older one.
 * @throws UserError (exit code 1) for everything the environment can be the cause of
 */
export async function unpackLibraries(platform: Platform, folder: string, signal: AbortSignal): Promise<void> {
  const wheels = wheelsOf(platform);
  // Wheels come and go one by one, and pip may hold one twice while it moves it.
  const needed =
    wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0) + 2 * Math.max(...wheels.map((wheel) => wheel.bytes));
  let partial: string | undefined;
  try {
    const { bavail, bsize } = await statfs(dirname(folder));
    if (bavail * bsize < needed) throw noRoom(dirname(folder), needed);
    partial = `${folder}.partial-${process.pid}`;
    mkdirSync(partial);
    const files: Record<string, number> = {};
    for (const wheel of wheels) {
      const path = await pipDownload(wheel, partial, signal);
      await verify(path, wheel, signal);
      Object.assign(files, await extract(path, partial, (entry) => placeOf(entry, platform), signal));
      rmSync(dirname(path), { recursive: true });
    }
    const { cc, framework, suffix } = platform.libraries;
    symlinkSync(cc, join(partial, 'lib', `libtensorflow.${suffix}`));
    symlinkSync(framework, join(partial, 'lib', `libtensorflow_framework.${suffix}`));
    writeStamp(partial, stampFiles.libraries, { wheels: wheelDigests(platform), files });
    const total = Object.values(files).reduce((sum, bytes) => sum + bytes, 0);
    replaceFolder(folder, partial);
    say(`Unpacked ${size(total)} into ${folder}`);
  } catch (error) {
    throw explained(error, dirname(folder), needed);
  } finally {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
  }
}

/** Puts `fresh` in the place of `folder`. Processes that run on the old libraries keep them until they end. */
function replaceFolder(folder: string, fresh: string): void {
  const old = `${fresh}-old`;
  try {
    renameSync(folder, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  renameSync(fresh, folder);
  rmSync(old, { recursive: true, force: true });
}
