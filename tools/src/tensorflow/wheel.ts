import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserError } from '@headshare/core/system/user-error';
import { openPromise } from 'yauzl';
import type { Wheel } from './platforms';

/** Checks a downloaded wheel against its pinned SHA-256. @throws UserError (exit code 1) if it differs */
export async function verify(path: string, wheel: Wheel, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === wheel.sha256) return;
  throw new UserError(
    `The downloaded ${basename(path)} has the SHA-256 ${found} instead of ${wheel.sha256}: it is damaged or not the ` +
      'official file (is pip configured to use a mirror that rebuilds packages?).',
    1,
  );
}

/**
 * Unpacks the entries of a wheel for which `place` returns a path, as streams, and flushes each to the disk.
 * @returns the sizes in bytes of the written files, by their paths below `folder`
 */
export async function extract(
  wheel: string,
  folder: string,
  place: (entry: string) => string | undefined,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const written: Record<string, number> = {};
  const archive = await openPromise(wheel, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      const path = entry.fileName.endsWith('/') ? undefined : place(entry.fileName);
      if (path === undefined) continue;
      await mkdir(dirname(join(folder, path)), { recursive: true });
      // The upper half is the Unix mode: ptxas must stay executable.
      const mode = (entry.externalFileAttributes >>> 16) & 0o777 || 0o644;
      const output = createWriteStream(join(folder, path), { highWaterMark: 1 << 20, mode, flush: true });
      await pipeline(await archive.openReadStreamPromise(entry), output, { signal });
      written[path] = entry.uncompressedSize;
    }
  } finally {
    archive.close();
  }
  return written;
}
