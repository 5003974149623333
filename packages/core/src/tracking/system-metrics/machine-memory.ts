import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

/** Bytes used by processes, and in all. */
export interface MemoryInUse {
  readonly used: number;
  readonly total: number;
}

/** The memory of the container if it has a limit, else of the machine; caches of files count as free. */
export function memoryInUse(): MemoryInUse {
  const total = totalmem();
  const group = groupMemory();
  return group !== undefined && group.total < total ? group : { used: total - freemem(), total };
}

/**
 * The memory of this process's control group (version 1 or 2) without caches of files; undefined without a group or a
 * limit. @param root `/`
 */
export function groupMemory(root = '/'): MemoryInUse | undefined {
  const groups = read(join(root, 'proc/self/cgroup')) ?? '';
  const version1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const version2 = /^0::(.*)$/m.exec(groups)?.[1];
  const [base, path, limit, usage, cached] =
    version1 !== undefined
      ? (['memory', version1, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'] as const)
      : (['', version2 ?? '/', 'memory.max', 'memory.current', 'inactive_file'] as const);
  // Within a container the path may be the host's; the group is then at the root.
  for (const place of [path, '/']) {
    const folder = join(root, 'sys/fs/cgroup', base, place);
    const total = bytes(read(join(folder, limit)));
    const current = bytes(read(join(folder, usage)));
    if (total === undefined || current === undefined) continue;
    const files = bytes(new RegExp(`^${cached} (\\d+)$`, 'm').exec(read(join(folder, 'memory.stat')) ?? '')?.[1]) ?? 0;
    return { used: Math.max(0, current - files), total };
  }
  return undefined;
}

/** Undefined for version 2's `max`, no limit; version 1 has a number larger than any memory instead. */
function bytes(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
