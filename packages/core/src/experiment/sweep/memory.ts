import { readFileSync } from 'node:fs';

/** The assumed peak of a training in bytes, while none is measured: TensorFlow alone takes 0.3 GB. */
const leastPeak = 0.6e9;

/** The share of a process's peak that must stay free beside it. */
const margin = 0.1;

export type MemoryGuard = ReturnType<typeof memoryGuard>;

/** @param available the bytes that processes may still take */
export function memoryGuard(
  available: () => number = () => process.availableMemory(),
  measure: (pid: number) => Resident | undefined = residentOf,
) {
  const watched = new Set<number>();
  let peak = 0;
  return {
    /** Watches a process. @returns a function to call when it has ended */
    watch(pid: number): () => void {
      watched.add(pid);
      return () => watched.delete(pid);
    },
    /** Measures the watched processes. @returns whether one more fits, should all of them grow to the largest peak */
    hasRoom(): boolean {
      const sizes = [...watched].flatMap((pid) => measure(pid) ?? []);
      peak = Math.max(peak, ...sizes.map((size) => size.peak));
      const expected = Math.max(peak, leastPeak);
      const stillGrowing = sizes.reduce((sum, { now }) => sum + Math.max(0, expected - now), 0);
      return available() - stillGrowing > expected * (1 + margin);
    },
    /** The largest peak so far, in bytes; 0 while none is measured, or where the system cannot measure it. */
    peak: () => peak,
  };
}

/** The bytes of a process in memory. */
export interface Resident {
  readonly now: number;
  readonly peak: number;
}

/** The memory of a process and those that it started; undefined for none, and on systems without /proc. */
export function residentOf(pid: number): Resident | undefined {
  const own = ownResident(pid);
  if (!own) return undefined;
  const children = childrenOf(pid).flatMap((child) => residentOf(child) ?? []);
  return children.reduce((sum, child) => ({ now: sum.now + child.now, peak: sum.peak + child.peak }), own);
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function ownResident(pid: number): Resident | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    const [now, peak] = [bytes('VmRSS'), bytes('VmHWM')];
    return Number.isFinite(now) && Number.isFinite(peak) ? { now, peak } : undefined;
  } catch {
    return undefined;
  }
}
