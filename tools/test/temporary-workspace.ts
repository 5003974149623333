import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const made: string[] = [];

const repository = resolve(__dirname, '../..');

/**
 * Makes a small Nx workspace in a temporary folder, with the plugin, core's experiment runner and the files below it, and
 * a package `demo` with these files. The rest of core is missing, so that MLflow does not record its runs.
 */
export function temporaryWorkspace(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-nx-')));
  made.push(root);
  const isSource = (path: string): boolean => !path.endsWith('.test.ts');
  const core = ['package.json', 'register.cjs'].map((name) => `packages/core/${name}`);
  for (const path of ['tsconfig.json', 'tsconfig.base.json', '.env', '.gitignore', ...core]) {
    cpSync(join(repository, path), join(root, path));
  }
  const light = ['tracking/run-tags.ts', 'tracking/tracker.ts', 'tracking/sync/sync-state.ts'];
  const addons = ['runtime/native-addon.ts', 'runtime/device.ts'];
  const sources = ['experiment', 'cluster', 'system', ...light, ...addons].map((path) => `packages/core/src/${path}`);
  for (const path of [...sources, 'tools/src/plugin']) {
    cpSync(join(repository, path), join(root, path), { recursive: true, filter: isSource });
  }
  write(root, {
    'package.json': json({ name: 'workspace', private: true, workspaces: ['packages/*', 'tools'] }),
    'package-lock.json': json({ name: 'workspace', lockfileVersion: 3, packages: {} }),
    'nx.json': json({
      plugins: [{ plugin: './tools/src/plugin/plugin.cjs', options: { setup: ['tools:setup'] } }],
      namedInputs: { default: ['{projectRoot}/**/*'], production: ['default', '!{projectRoot}/**/*.test.ts'] },
      analytics: false,
      neverConnectToCloud: true,
      useDaemonProcess: false,
    }),
    'tools/package.json': json({ name: '@headshare/tools', version: '0.1.0', nx: { name: 'tools' } }),
    'packages/demo/package.json': json({
      name: '@headshare/demo',
      version: '0.1.0',
      nx: { name: 'demo' },
      dependencies: { '@headshare/core': '0.1.0' },
    }),
    'packages/demo/jest.config.cjs': 'module.exports = {};\n',
    ...files,
  });
  linkModules(root);
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: root });
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
  execFileSync('git', ['add', '-A'], { cwd: root });
  execFileSync('git', [...author, 'commit', '-qm', 'State'], { cwd: root });
  return root;
}

/** Writes files below a workspace's folder. */
export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** Removes the workspaces of `temporaryWorkspace`. */
export function removeTemporaryWorkspaces(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** Runs Nx in a workspace, as a user without a terminal would. */
export function nx(
  root: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  // When Nx runs these tests, its variables would point to the workspace around them.
  const clean = Object.entries(process.env).filter(([name]) => !/^(NX_|JEST_|FORCE_COLOR|TF_|HEADSHARE_)/.test(name));
  return spawnSync(process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), ...words], {
    cwd: root,
    encoding: 'utf8',
    // On CI, Nx prints colours even without a terminal.
    env: { ...Object.fromEntries(clean), NO_COLOR: '1', NX_CACHE_DIRECTORY: join(root, '.nx/cache'), ...env },
  });
}

function linkModules(root: string): void {
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, '@headshare'), { recursive: true });
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name !== '@headshare' && !name.startsWith('.'))
      symlinkSync(join(repository, 'node_modules', name), join(modules, name));
  }
  for (const name of ['core', 'demo']) symlinkSync(join(root, 'packages', name), join(modules, '@headshare', name));
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
