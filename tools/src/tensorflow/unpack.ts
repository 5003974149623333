import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explained, noRoom, size } from './errors';
import { pipDownload } from './pip';
import { type Platform, wheelsOf } from './platforms';
import { stampFiles, wheelDigests, writeStamp } from './stamp';
import { extract, verify } from './wheel';

/** The headers of the C API and those that they include: 2 MB of the wheel's 250. */
const headers = [
  'tensorflow/c/',
  'tensorflow/core/common_runtime/next_pluggable_device/c/',
  'tensorflow/core/platform/ctstring',
  'tsl/platform/',
  'xla/tsl/c/',
];

/** The path below `.tensorflow/<device>` for an entry of a wheel; undefined if the entry is not needed. */
export function placeOf(entry: string, { libraries }: Platform): string | undefined {
  if (entry === `tensorflow/${libraries.cc}`) return `lib/${libraries.cc}`;
  if (entry === `tensorflow/${libraries.framework}`) return `lib/${libraries.framework}`;
  const header = entry.replace(/^tensorflow\/include\//, '');
  if (header !== entry && header.endsWith('.h') && headers.some((prefix) => header.startsWith(prefix))) {
    return `include/${header}`;
  }
  // TensorFlow looks for CUDA's libraries in ../nvidia/*/lib, and for its compiler in ../nvidia/cuda_nvcc.
  if (/^nvidia\/[^/]+\/lib\/[^/]+$/.test(entry) || entry.startsWith('nvidia/cuda_nvcc/')) return entry;
  return undefined;
}

/**
 * Downloads, verifies and unpacks the wheels of a platform into `folder`, which gets this name only once it is complete,
 * and then replaces an older one.
 * @throws UserError (exit code 1) for every cause in the environment
 */
export async function unpackLibraries(platform: Platform, folder: string, signal: AbortSignal): Promise<void> {
  const wheels = wheelsOf(platform);
  // One wheel at a time is on the disk, and pip may hold it twice while it moves it.
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
    console.log(`Unpacked ${size(total)} into ${folder}`);
  } catch (error) {
    throw explained(error, dirname(folder), needed);
  } finally {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
  }
}

/** Replaces `folder` by `fresh`. Running processes keep the old libraries until they end. */
function replaceFolder(folder: string, fresh: string): void {
  const old = `${fresh}-old`;
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(fresh, folder);
  rmSync(old, { recursive: true, force: true });
}
