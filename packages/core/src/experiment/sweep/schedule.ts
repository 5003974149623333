/** Runs jobs in parallel, each after those it needs, and retries the failed ones. */
import { sentenceOf } from '../../system/sentence-of';

export interface Job {
  readonly key: string;
  readonly label: string;
  /** Keys of the jobs that must be done first. */
  readonly needs: readonly string[];
  /** Runs it once, after `tries` failed ones. */
  readonly run: (tries: number) => Promise<Outcome>;
}

export type Outcome =
  | { readonly done: true; readonly seconds: number }
  /** `hopeless`: retrying cannot help. `stopped`: somebody else stopped it. */
  | { readonly done: false; readonly reason: string; readonly hopeless?: boolean; readonly stopped?: boolean };

export interface JobFailure {
  readonly label: string;
  readonly reason: string;
}

export interface ScheduleState {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Labels. */
  readonly running: readonly string[];
}

export interface ScheduleOptions {
  /** The most jobs at a time, at least 1. */
  readonly parallel: number;
  /** The number of retries of a failed job. */
  readonly retries: number;
  readonly signal: AbortSignal;
  /** Whether one more job may start beside those that run. */
  readonly hasRoom: () => boolean;
  readonly onChange: (line: string, state: ScheduleState) => void;
  /** Milliseconds between two calls of `hasRoom`. */
  readonly interval?: number;
}

/**
 * Runs all jobs; those first that the longest chains of others wait for. After an abort no job starts, and the promise
 * resolves when the running ones have ended.
 * @returns the jobs that failed, and those that needed one of them
 */
export function runSchedule(jobs: readonly Job[], options: ScheduleOptions): Promise<readonly JobFailure[]> {
  const { parallel, retries, signal, hasRoom, onChange, interval = 2000 } = options;
  const height = heights(jobs);
  const waiting = [...jobs].sort((a, b) => (height.get(b.key) ?? 0) - (height.get(a.key) ?? 0));
  const running = new Map<string, Job>();
  const tries = new Map<string, number>();
  const done = new Set<string>();
  const failures = new Map<string, JobFailure>();
  const report = (line: string): void =>
    onChange(line, {
      total: jobs.length,
      done: done.size,
      failed: failures.size,
      running: [...running.values()].map(({ label }) => label),
    });

  return new Promise((resolve, reject) => {
    const timer = setInterval(() => advance(), interval);
    const advance = (): void => {
      if (!signal.aborted) {
        dropUnreachable();
        for (let job = nextReady(); job !== undefined; job = nextReady()) start(job);
      }
      if (running.size > 0 || (waiting.length > 0 && !signal.aborted)) return;
      clearInterval(timer);
      resolve([...failures.values()]);
    };
    /** Fails the jobs that need a failed one. */
    const dropUnreachable = (): void => {
      for (;;) {
        const at = waiting.findIndex(({ needs }) => needs.some((key) => failures.has(key)));
        const [job] = at < 0 ? [] : waiting.splice(at, 1);
        if (!job) return;
        fail(job, `not run: it needs ${job.needs.flatMap((key) => failures.get(key) ?? [])[0]?.label}`);
      }
    };
    const nextReady = (): Job | undefined => {
      if (running.size >= parallel || (running.size > 0 && !hasRoom())) return undefined;
      const at = waiting.findIndex(({ needs }) => needs.every((key) => done.has(key)));
      return at < 0 ? undefined : waiting.splice(at, 1)[0];
    };
    const start = (job: Job): void => {
      const before = tries.get(job.key) ?? 0;
      tries.set(job.key, before + 1);
      running.set(job.key, job);
      report(`${job.label}: ${before > 0 ? 'tried again' : 'starts'}`);
      attempt(job, before).then((outcome) => {
        running.delete(job.key);
        if (outcome.done) {
          done.add(job.key);
          report(`${job.label}: done in ${outcome.seconds.toFixed(0)} s`);
        } else if (!signal.aborted && before < retries && !outcome.hopeless) {
          waiting.unshift(job);
          report(`${job.label}: ${outcome.reason}`);
        } else if (!signal.aborted) fail(job, outcome.reason);
        advance();
      }, reject);
    };
    const fail = (job: Job, reason: string): void => {
      failures.set(job.key, { label: job.label, reason });
      report(`${job.label}: failed: ${reason}`);
    };
    advance();
  });
}

/** A job that cannot even start, on a full disk for example, fails like others. */
const attempt = async (job: Job, tries: number): Promise<Outcome> => {
  try {
    return await job.run(tries);
  } catch (error) {
    return { done: false, reason: sentenceOf(error) };
  }
};

/** The length of the longest chain of jobs that waits for each. */
function heights(jobs: readonly Job[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const heightOf = (key: string): number => {
    const above = () => jobs.filter(({ needs }) => needs.includes(key)).map((job) => 1 + heightOf(job.key));
    const height = found.get(key) ?? Math.max(0, ...above());
    found.set(key, height);
    return height;
  };
  for (const { key } of jobs) heightOf(key);
  return found;
}
