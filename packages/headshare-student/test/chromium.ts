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
export async function launchChromium({ gpu = false } = {}): Promise<Browser> {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const options = {
    // Chromium's own sandbox does not start as root, or in many containers.
    args: ['--no-sandbox', ...(gpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : [])],
    timeout: 60_000,
  };
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (executablePath) return chromium.launch({ ...options, executablePath });
  const folder = unpacked();
  const packaged = { ...options, executablePath: join(folder, 'chromium') };
  try {
    return await chromium.launch(packaged);
  } catch (error) {
    if (!/shared libraries/.test(String(error))) throw error;
    // A machine without NSS: the package has it, too.
    const libraries = join(folder, 'al2023/lib');
    return chromium.launch({
      ...packaged,
      env: { ...(process.env as Record<string, string>), LD_LIBRARY_PATH: libraries },
    });
  }
}

/** The folder with the package's browser. */
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
  return folder;
}

/** The package is an ES module, which jest does not load; it unpacks into the temporary folder. */
function unpack(folder: string): void {
  const script = "await (await import('@sparticuz/chromium')).default.executablePath();";
  execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    // It unpacks its libraries only for what looks like Amazon's Linux.
    env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
  });
}
