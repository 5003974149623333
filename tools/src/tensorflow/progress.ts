import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { size } from './errors';
import type { Wheel } from './platforms';

/**
 * Prints the progress of a download into `folder`: in a terminal a line that renews itself, elsewhere a line at every
 * quarter. (pip's own bar prints nothing outside a terminal.)
 * @returns a function that ends it; it takes whether the download succeeded
 */
export function watchDownload(wheel: Wheel, folder: string): (finished: boolean) => void {
  const live = process.stdout.isTTY === true;
  const label = `Downloading ${wheel.name} ${wheel.version} (${size(wheel.bytes)})`;
  if (!live) console.log(label);
  let printed = 0;
  const timer = setInterval(() => {
    const percent = Math.min(99, Math.floor((100 * largestFile(folder)) / wheel.bytes));
    if (live) process.stdout.write(`\r${label}: ${percent} %`);
    else if (percent >= printed + 25) {
      printed = percent - (percent % 25);
      console.log(`  ${printed} %`);
    }
  }, 500);
  return (finished) => {
    clearInterval(timer);
    if (live) process.stdout.write(finished ? `\r${label}: done\n` : '\n');
  };
}

function largestFile(folder: string): number {
  let largest = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      largest = Math.max(largest, entry.isDirectory() ? largestFile(path) : statSync(path).size);
    }
  } catch {
    // pip has just moved a file: the next call will see it.
  }
  return largest;
}
