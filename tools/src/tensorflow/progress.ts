import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { size } from './errors';
import type { Wheel } from './platforms';

/** One plain line, so that logs of builds stay readable. */
export function say(line: string): void {
  console.log(line);
}

/**
 * Says how much of `wheel` has arrived below `folder`: a line that renews itself in a terminal, one at every quarter
 * elsewhere. pip's own bar says nothing at all when it does not write to a terminal.
 * @returns what ends it, told whether the download succeeded
 */
export function watchDownload(wheel: Wheel, folder: string): (finished: boolean) => void {
  const live = process.stdout.isTTY === true;
  const label = `Downloading ${wheel.name} ${wheel.version} (${size(wheel.bytes)})`;
  if (!live) say(label);
  let told = 0;
  const timer = setInterval(() => {
    const percent = Math.min(99, Math.floor((100 * largestFile(folder)) / wheel.bytes));
    if (live) process.stdout.write(`\r${label}: ${percent} %`);
    else if (percent >= told + 25) {
      told = percent - (percent % 25);
      say(`  ${told} %`);
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
    // pip moves its files while we look: the next look will tell.
  }
  return largest;
}
