import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const root = resolve(__dirname, '../../..');

/**
 * Starts a headless Chromium: what CHROMIUM names, else the system's, else the one of the npm package
 * @sparticuz/chromium, unpacked once into .cache/chromium.
 * @param gpu also offers WebGPU, by a software renderer
 */
export function launchChromium({ gpu = false } = {}): Promise<Browser> {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return chromium.launch({
    executablePath: candidates.find((path) => path && existsSync(path)) ?? unpacked(),
    // Chromium's own sandbox does not start as root, or in many containers.
    args: ['--no-sandbox', ...(gpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : [])],
    timeout: 60_000,
  });
}

function unpacked(): string {
  const folder = join(root, '.cache/chromium');
  if (!existsSync(folder)) {
    mkdirSync(join(root, '.cache'), { recursive: true });
    // Several test processes may unpack at once: each into a folder of its own, and the first one to finish stays.
    const own = mkdtempSync(join(root, '.cache/chromium-'));
    unpack(own);
    try {
      renameSync(own, folder);
    } catch {
      rmSync(own, { recursive: true, force: true });
    }
  }
  return join(folder, 'chromium');
}

/** The package is an ES module, which jest does not load; it unpacks into the temporary folder. */
function unpack(folder: string): void {
  const script = "await (await import('@sparticuz/chromium')).default.executablePath();";
  execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
  });
}
