import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { pipDownload, pipFailure } from './pip';
import { platformFor } from './platforms';

const wheel = platformFor('cpu', 'linux', 'x64').tensorflow;
const { signal } = new AbortController();
const before = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pip-'));
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  process.env = { ...before };
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A shell script in place of Python. */
function script(body: string): string {
  const path = join(folder, 'python');
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function failure(environment: Record<string, string>): Promise<UserError> {
  Object.assign(process.env, environment);
  const error = await pipDownload(wheel, folder, signal).catch((reason: unknown) => reason);
  expect(readdirSync(folder).filter((name) => name.startsWith('wheel-'))).toEqual([]);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).exitCode).toBe(1);
  return error as UserError;
}

test('no Python', async () => {
  expect((await failure({ PYTHON: '/nowhere/python3' })).message).toMatch(/^\/nowhere\/python3 was not found/);
});

test('a Python without pip', async () => {
  const python = script('echo "$0: No module named pip" >&2; exit 1');
  expect((await failure({ PYTHON: python })).message).toContain('has no pip');
});

test('pip itself, with no index to ask', async () => {
  const offline = { PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_NO_INDEX: '1' };
  expect((await failure(offline)).message).toContain("pip's index offers no tensorflow-cpu 2.21.0");
});

test('pip itself, with an index that cannot be reached', async () => {
  const unreachable = { PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_RETRIES: '1' };
  const { message } = await failure({ ...unreachable, PIP_INDEX_URL: 'http://127.0.0.1:9/simple' });
  expect(message).toContain('pip could not reach its package index to download tensorflow-cpu 2.21.0 (274 MB)');
});

test.each([
  ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: '/x'", 'The disk is full'],
  [
    "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/x'",
    'cannot be written to',
  ],
  ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'does not match the checksum'],
  ['ERROR: something new\n', 'pip could not download tensorflow-cpu 2.21.0: ERROR: something new'],
])('pip says %j', (stderr, sentence) => {
  const error = Object.assign(new Error('Command failed'), { code: 1, stderr });
  expect(pipFailure(error, wheel, '/x')).toMatchObject({ message: expect.stringContaining(sentence), exitCode: 1 });
});

test('returns the file that pip downloaded', async () => {
  // The last argument but one is the folder behind --dest.
  process.env.PYTHON = script('for last; do dest=$previous; previous=$last; done; echo wheel > "$dest/a.whl"');
  expect(await pipDownload(wheel, folder, signal)).toMatch(/wheel-[^/]+\/a\.whl$/);
});
