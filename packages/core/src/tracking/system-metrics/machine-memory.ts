import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

/** Bytes that processes hold, of those there are: the container's where it has a limit of its own, the machine's else. */
export interface MemoryInUse {
  readonly used: number;
  readonly total: number;
}

export function memoryInUse(): MemoryInUse {
  const total = totalmem();
  const limited = groupMemory();
  // On Linux Node counts as free what the system would give up: its caches of files.
  return limited !== undefined && limited.total < total ? limited : { used: total - freemem(), total };
}

/**
 * The memory of this process's control group, of version 1 or 2, without the files that the system keeps in it only as
 * long as there is room. Undefined where there is no group, or one without a limit. @param root `/`
 */
export function groupMemory(root = '/'): MemoryInUse | undefined {
  const groups = read(join(root, 'proc/self/cgroup')) ?? '';
  const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const second = /^0::(.*)$/m.exec(groups)?.[1];
  const [base, path, limit, usage, cached] =
    first !== undefined
      ? (['memory', first, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'] as const)
      : (['', second ?? '/', 'memory.max', 'memory.current', 'inactive_file'] as const);
  // Within a container the path may be the host's, and the group the root of what is seen.
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

/** Version 2 writes `max` for no limit; version 1 a number larger than any memory. */
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
