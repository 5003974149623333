import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { groupMemory, memoryInUse } from './machine-memory';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'groups-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes system files like the files in a container. */
function files(texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

test('control group version 2: the limit, and the usage without cached files', () => {
  files({
    'proc/self/cgroup': '0::/\n',
    'sys/fs/cgroup/memory.max': '4000000000\n',
    'sys/fs/cgroup/memory.current': '3000000000\n',
    'sys/fs/cgroup/memory.stat': 'anon 900\ninactive_file 1000000000\nactive_file 5\n',
  });
  expect(groupMemory(root)).toEqual({ used: 2_000_000_000, total: 4_000_000_000 });
});

test("control group version 1 with the host's path", () => {
  files({
    'proc/self/cgroup': '5:cpu,cpuacct:/docker/1a2b\n4:memory:/docker/1a2b\n0::/\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '2000\n',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': '1500\n',
    'sys/fs/cgroup/memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 500\n',
  });
  expect(groupMemory(root)).toEqual({ used: 1000, total: 2000 });
});

test('a group below the root', () => {
  files({
    'proc/self/cgroup': '0::/user.slice/run-1.scope\n',
    'sys/fs/cgroup/user.slice/run-1.scope/memory.max': '8000\n',
    'sys/fs/cgroup/user.slice/run-1.scope/memory.current': '100\n',
  });
  expect(groupMemory(root)).toEqual({ used: 100, total: 8000 });
});

test('without a limit or control groups there is no group memory', () => {
  expect(groupMemory(root)).toBeUndefined();
  files({
    'proc/self/cgroup': '0::/\n',
    'sys/fs/cgroup/memory.max': 'max\n',
    'sys/fs/cgroup/memory.current': '3000\n',
  });
  expect(groupMemory(root)).toBeUndefined();
});

test('uses part of the memory of this machine', () => {
  const { used, total } = memoryInUse();
  expect(used).toBeGreaterThan(0);
  expect(used).toBeLessThan(total);
  expect(total).toBeLessThanOrEqual(totalmem());
});
