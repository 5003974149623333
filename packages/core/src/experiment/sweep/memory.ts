import { readFileSync } from 'node:fs';

/** What a training takes at least, while none has been measured: TensorFlow alone is 0.3 GB. */
const leastPeak = 0.6e9;

/** Memory that must stay free beside everything, as a share of what a process takes. */
const margin = 0.1;

export interface MemoryGuard {
  /** A process has started. Returns what to call when it has ended. */
  watch(pid: number): () => void;
  /** Looks at what is watched, and says whether one more process would fit beside what the others may still grow to. */
  hasRoom(): boolean;
  /** The largest peak of a process so far, in bytes; 0 before one was measured, and where the system does not say. */
  peak(): number;
}

/** @param available bytes that processes may still take */
export function memoryGuard(
  available: () => number = () => process.availableMemory(),
  measure: (pid: number) => Resident | undefined = residentOf,
): MemoryGuard {
  const watched = new Set<number>();
  let peak = 0;
  return {
    watch(pid) {
      watched.add(pid);
      return () => watched.delete(pid);
    },
    hasRoom() {
      const sizes = [...watched].flatMap((pid) => measure(pid) ?? []);
      peak = Math.max(peak, ...sizes.map((size) => size.peak));
      const expected = Math.max(peak, leastPeak);
      const stillGrowing = sizes.reduce((sum, { now }) => sum + Math.max(0, expected - now), 0);
      return available() - stillGrowing > expected * (1 + margin);
    },
    peak: () => peak,
  };
}

/** Bytes that a process holds in memory. */
export interface Resident {
  readonly now: number;
  readonly peak: number;
}

/** Undefined where the system does not tell: Linux does. */
export function residentOf(pid: number): Resident | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    const [now, peak] = [bytes('VmRSS'), bytes('VmHWM')];
    return Number.isFinite(now) && Number.isFinite(peak) ? { now, peak } : undefined;
  } catch {
    return undefined;
  }
}
