/** Work in processes side by side, each piece after those it needs, failed ones tried again. */
import { sentenceOf } from '../../system/sentence-of';

export interface Job {
  readonly key: string;
  readonly label: string;
  /** Keys of the jobs that must be done first. */
  readonly needs: readonly string[];
  /** Runs it once. `again`: how often it was tried before. Resolves to undefined, or a sentence on what went wrong. */
  readonly run: (again: number) => Promise<Outcome>;
}

export type Outcome =
  | { readonly done: true; readonly seconds: number }
  /** `hopeless`: trying again cannot help. `stopped`: it was told to stop, and not by us. */
  | { readonly done: false; readonly reason: string; readonly hopeless?: boolean; readonly stopped?: boolean };

export interface JobFailure {
  readonly label: string;
  readonly reason: string;
}

/** How far the work is; `running` are labels. */
export interface ScheduleState {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly running: readonly string[];
}

export interface ScheduleOptions {
  /** The most jobs at a time, at least 1. */
  readonly parallel: number;
  /** How often a failed job is tried again. */
  readonly retries: number;
  readonly signal: AbortSignal;
  /** Whether one more may start beside those that run; asked again every now and then. */
  readonly hasRoom: () => boolean;
  readonly onChange: (line: string, state: ScheduleState) => void;
  /** Milliseconds between two questions to `hasRoom`. */
  readonly interval?: number;
}

/**
 * Does all jobs, and returns those that failed; what needed them is among these. Jobs that long chains of others wait
 * for come first. After an abort nothing more starts, and it returns when what ran has ended.
 */
export function runSchedule(jobs: readonly Job[], options: ScheduleOptions): Promise<readonly JobFailure[]> {
  const { parallel, retries, signal, hasRoom, onChange, interval = 2000 } = options;
  const height = heights(jobs);
  const waiting = [...jobs].sort((a, b) => (height.get(b.key) ?? 0) - (height.get(a.key) ?? 0));
  const running = new Map<string, Job>();
  const tries = new Map<string, number>();
  const done = new Set<string>();
  const failures = new Map<string, JobFailure>();
  const tell = (line: string): void =>
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
        drop();
        for (let job = ready(); job !== undefined; job = ready()) start(job);
      }
      if (running.size > 0 || (waiting.length > 0 && !signal.aborted)) return;
      clearInterval(timer);
      resolve([...failures.values()]);
    };
    /** What can never start any more, since something it needs failed. */
    const drop = (): void => {
      for (let found = true; found; ) {
        const at = waiting.findIndex(({ needs }) => needs.some((key) => failures.has(key)));
        found = at >= 0;
        const [job] = found ? waiting.splice(at, 1) : [];
        const cause = job?.needs.flatMap((key) => failures.get(key) ?? [])[0];
        if (job) fail(job, `not run: it needs ${cause?.label}`);
      }
    };
    const ready = (): Job | undefined => {
      if (running.size >= parallel || (running.size > 0 && !hasRoom())) return undefined;
      const at = waiting.findIndex(({ needs }) => needs.every((key) => done.has(key)));
      return at < 0 ? undefined : waiting.splice(at, 1)[0];
    };
    const start = (job: Job): void => {
      const again = tries.get(job.key) ?? 0;
      tries.set(job.key, again + 1);
      running.set(job.key, job);
      tell(`${job.label}: ${again > 0 ? 'tried again' : 'starts'}`);
      attempt(job, again).then((outcome) => {
        running.delete(job.key);
        if (outcome.done) {
          done.add(job.key);
          tell(`${job.label}: done in ${outcome.seconds.toFixed(0)} s`);
        } else if (!signal.aborted && again < retries && !outcome.hopeless) {
          waiting.unshift(job);
          tell(`${job.label}: ${outcome.reason}`);
        } else if (!signal.aborted) fail(job, outcome.reason);
        advance();
      }, reject);
    };
    const fail = (job: Job, reason: string): void => {
      failures.set(job.key, { label: job.label, reason });
      tell(`${job.label}: failed: ${reason}`);
    };
    advance();
  });
}

/** A job that could not even be started, on a disk that is full, has failed like others: what runs beside it goes on. */
const attempt = async (job: Job, again: number): Promise<Outcome> => {
  try {
    return await job.run(again);
  } catch (error) {
    return { done: false, reason: sentenceOf(error) };
  }
};

/** How many jobs stand in the longest chain of those that wait for each. */
function heights(jobs: readonly Job[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const heightOf = (key: string): number => {
    const known = found.get(key);
    if (known !== undefined) return known;
    const above = jobs.filter(({ needs }) => needs.includes(key)).map((job) => 1 + heightOf(job.key));
    found.set(key, Math.max(0, ...above));
    return found.get(key) ?? 0;
  };
  for (const { key } of jobs) heightOf(key);
  return found;
}
