import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentPython } from '@headshare/core/tracking/sync/local-server';
import { type EnvironmentOptions, ensureEnvironment } from './environment';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-venv-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A python that prints `stderr` and fails when asked to make an environment; its version is as given. */
function failingPython(stderr: string, version = '3.11'): string {
  const python = join(folder, 'python');
  writeFileSync(python, `#!/bin/sh\nif [ "$1" = -c ]; then echo ${version}; else echo "${stderr}" >&2; exit 1; fi\n`);
  chmodSync(python, 0o755);
  return python;
}

/** An environment without packages. */
function options(changes: Partial<EnvironmentOptions> = {}): EnvironmentOptions {
  const requirements = join(folder, 'requirements.txt');
  if (!existsSync(requirements)) writeFileSync(requirements, '# nothing\n');
  const signal = new AbortController().signal;
  return { folder: join(folder, 'mlflow'), requirements, python: 'python3', signal, say: () => undefined, ...changes };
}

test('an environment is made once, and again for other requirements', async () => {
  const wanted = options();
  const madeAt = () => statSync(join(wanted.folder, 'venv', 'complete.json')).mtimeMs;
  await Promise.all([ensureEnvironment(wanted), ensureEnvironment(wanted)]);
  expect(environmentPython(wanted.folder)).toBe(join(wanted.folder, 'venv', 'bin', 'python'));
  const first = madeAt();
  await ensureEnvironment(wanted);
  expect(madeAt()).toBe(first);

  writeFileSync(wanted.requirements, '# nothing else\n');
  await ensureEnvironment(wanted);
  expect(madeAt()).toBeGreaterThan(first);
}, 180_000);

test('an interrupted installation leaves nothing that looks finished', async () => {
  const interruption = new AbortController();
  const interrupted = options({ signal: interruption.signal, say: () => setTimeout(() => interruption.abort(), 300) });
  await expect(ensureEnvironment(interrupted)).rejects.toMatchObject({ name: 'AbortError' });
  expect(environmentPython(interrupted.folder)).toBeUndefined();
  await ensureEnvironment(options());
  expect(environmentPython(interrupted.folder)).toBeDefined();
}, 180_000);

test.each([
  ['Error: [Errno 28] No space left on device', /^The disk is full: MLflow needs 400 MB free in .*mlflow\.$/],
  ['Error: [Errno 30] Read-only file system', /^.*mlflow cannot be written to: MLflow is installed there\.$/],
  ['ensurepip is not available', /cannot make virtual environments: install its venv module \(Debian, Ubuntu: apt/],
  ['WARNING: Retrying (Retry(total=1', /^pip could not reach its package index to install MLflow: check the network/],
  ['ERROR: something new', /^MLflow could not be installed: ERROR: something new\.$/],
])('"%s" becomes one sentence', async (printed, sentence) => {
  const failing = ensureEnvironment(options({ python: failingPython(printed) }));
  await expect(failing).rejects.toMatchObject({ name: 'UserError', exitCode: 1 });
  await expect(failing).rejects.toThrow(sentence);
  expect(environmentPython(join(folder, 'mlflow'))).toBeUndefined();
});

test('a file in place of the folder cannot be written to', async () => {
  const file = join(folder, 'mlflow');
  writeFileSync(file, '');
  const failing = ensureEnvironment(options());
  await expect(failing).rejects.toMatchObject({ name: 'UserError', exitCode: 1 });
  await expect(failing).rejects.toThrow(`${file} cannot be written to: MLflow is installed there.`);
});

test('no Python, or one that is too old, is named', async () => {
  await expect(ensureEnvironment(options({ python: 'no-such-python' }))).rejects.toThrow(
    'no-such-python was not found: MLflow needs Python 3.10 or newer (set PYTHON to it).',
  );
  const old = failingPython('', '3.9');
  await expect(ensureEnvironment(options({ python: old }))).rejects.toThrow(
    `MLflow needs Python 3.10 or newer, and ${old} is 3.9: set PYTHON to a newer one.`,
  );
});
