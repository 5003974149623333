import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAddon, learned } from './check';
import { packageFolder } from './link';

test('only falling losses count as learning, not constant, rising or NaN ones', () => {
  expect(learned([3, 2, 1])).toBe(true);
  expect(learned([3, 3, 3])).toBe(false);
  expect(learned([1, 2, 1])).toBe(false);
  expect(learned([3, Number.NaN, 1])).toBe(false);
  expect(learned([])).toBe(false);
});

test("a file that is no addon is refused with the loader's reason", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'check-'));
  try {
    const addon = join(folder, 'broken.node');
    writeFileSync(addon, 'not a library');
    const check = checkAddon(addon, packageFolder('@tensorflow/tfjs-node'), new AbortController().signal);
    await expect(check).rejects.toThrow(/TensorFlow was built but does not work here: .*broken\.node/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
