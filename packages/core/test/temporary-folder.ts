import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is created before each test and removed after it. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'headshare-'));
  });
  afterEach(() => rmSync(folder.path, { recursive: true }));
  return folder;
}

/** Sets the modification times of a folder and its subfolders back by `secondsAgo`. */
export function settle(folder: string, secondsAgo = 60): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) settle(join(folder, entry.name), secondsAgo);
  }
  const time = Math.round(Date.now() / 1000) - secondsAgo;
  utimesSync(folder, time, time);
}
