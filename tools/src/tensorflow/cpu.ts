import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * A short digest of the processor's features: an addon built with `-march=native` may not run on another processor that
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
 * The model and feature lines of the first processor in Linux's /proc/cpuinfo, without clock rates and microcode, which
 * change while the compiled code stays the same.
 */
export function describe(cpuinfo: string): string {
  const [first = ''] = cpuinfo.split(/\n\s*\n/);
  const relevant =
    /^(vendor_id|cpu family|model|model name|flags|Features|CPU (implementer|architecture|variant|part))\s*:/;
  return first
    .split('\n')
    .filter((line) => relevant.test(line))
    .join('\n');
}
