import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * What `-march=native` depends on, as a short digest: an addon built for one processor may not run on another that
 * shares its folder (a network disk, a restored cache, a moved container).
 */
export function cpuIdentity(os: string = process.platform): string {
  const description =
    os === 'darwin'
      ? execFileSync('sysctl', ['-n', 'machdep.cpu.brand_string'], { encoding: 'utf8' })
      : describe(readFileSync('/proc/cpuinfo', 'utf8'));
  return createHash('sha256').update(description).digest('hex').slice(0, 16);
}

/**
 * The model and feature lines of the first processor in Linux's /proc/cpuinfo. Clock rates change at every look, and
 * microcode at updates: neither changes the code that a compiler makes.
 */
export function describe(cpuinfo: string): string {
  const [first = ''] = cpuinfo.split(/\n\s*\n/);
  const telling =
    /^(vendor_id|cpu family|model|model name|flags|Features|CPU (implementer|architecture|variant|part))\s*:/;
  return first
    .split('\n')
    .filter((line) => telling.test(line))
    .join('\n');
}
