import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests: a folder that is new for each and goes with it. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'headshare-'));
  });
  afterEach(() => rmSync(folder.path, { recursive: true }));
  return folder;
}

/** Dates a folder and those below it back, as if they had been left alone for a minute and more. */
export function settle(folder: string, secondsAgo = 60): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) settle(join(folder, entry.name), secondsAgo);
  }
  const time = Math.round(Date.now() / 1000) - secondsAgo;
  utimesSync(folder, time, time);
}
