import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platformFor } from './platforms';
import { extract, verify } from './wheel';

const { signal } = new AbortController();
let folder: string;
let archive: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wheel-'));
  archive = join(folder, 'a.whl');
  mkdirSync(join(folder, 'tensorflow'));
  writeFileSync(join(folder, 'tensorflow', 'kept.so'), 'x'.repeat(100_000));
  writeFileSync(join(folder, 'tensorflow', 'left.py'), 'not needed');
  execFileSync('python3', ['-m', 'zipfile', '-c', archive, 'tensorflow'], { cwd: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

test('unpacks only the wanted entries, at the wanted paths', async () => {
  const target = join(folder, 'out');
  const place = (entry: string) => (entry === 'tensorflow/kept.so' ? 'lib/kept.so' : undefined);
  expect(await extract(archive, target, place, signal)).toEqual({ 'lib/kept.so': 100_000 });
  expect(readFileSync(join(target, 'lib', 'kept.so'), 'utf8')).toBe('x'.repeat(100_000));
  expect(readdirSync(target)).toEqual(['lib']);
});

test('refuses other bytes and names both checksums', async () => {
  const wheel = platformFor('cpu', 'linux', 'x64').tensorflow;
  await expect(verify(archive, wheel, signal)).rejects.toThrow(
    /a\.whl has the SHA-256 [0-9a-f]{64} instead of 2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c/,
  );
});

test('accepts the pinned bytes', async () => {
  const empty = join(folder, 'empty.whl');
  writeFileSync(empty, '');
  const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  await verify(empty, { ...platformFor('cpu', 'linux', 'x64').tensorflow, sha256 }, signal);
});
