import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { wantedThreads } from '../../system/threads';
import { UserError } from '../../system/user-error';
import type { RunContext } from '../define';
import { integer, optional } from '../option';
import { memoryGuard } from './memory';
import type { SweptRun } from './plan-sweep';
import { outputFile, runInProcess } from './run-process';
import { type Job, type JobFailure, runSchedule } from './schedule';
import { sweepProgress } from './sweep-progress';

/** How a sweep spreads its trainings over processes, which does not change their results. */
export const processOptions = {
  jobs: optional(integer({ min: 1, notInKey: true, help: 'parallel processes' }), 'one per core, one on a GPU'),
  retry: integer({ default: 1, min: 0, max: 10, notInKey: true, help: 'retries of a failed training' }),
};

/**
 * Runs the trainings that have not finished yet, in parallel processes, as many as the memory allows. The processes
 * share the cores equally, and their workers (`--workers`) those of each, unless HEADSHARE_THREADS sets the threads of each: networks as small as the defaults' use one
 * core better than two.
 * @returns the trainings that failed after all retries
 * @throws the signal's reason after an abort, when all processes have written a checkpoint; UserError when something
 * else stops a training, which stops the sweep
 */
export async function runApart(
  runs: readonly SweptRun[],
  { jobs: wanted, retry }: { readonly jobs: number | undefined; readonly retry: number },
  { signal, tracker, log, given }: Pick<RunContext<unknown>, 'signal' | 'tracker' | 'log' | 'given'>,
): Promise<readonly JobFailure[]> {
  const missing: SweptRun[] = [];
  for (const run of runs) if (!(await run.stage.finished())) missing.push(run);
  if (missing.length === 0) return [];
  const before = runs.length - missing.length;
  const cores = availableParallelism();
  const workers = typeof given.workers === 'number' ? given.workers : 1;
  const jobs = wanted ?? (process.env.TF_DEVICE === 'gpu' ? 1 : Math.max(1, Math.floor(cores / workers)));
  const threads = wantedThreads() ?? Math.max(1, Math.floor(cores / (jobs * workers)));
  const memory = memoryGuard();
  log(
    `${before} of ${runs.length} trainings are done already; ${jobs} at a time, ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
  );
  const progress = sweepProgress(log, before);
  // Nx's Ctrl-C reaches the trainings first, and this process only when they have ended: none may start meanwhile.
  const stopped = new AbortController();
  const keys = new Set(missing.map(({ stage }) => stage.key));
  const schedule = missing.map(
    ({ row, seed, stage }): Job => ({
      key: stage.key,
      label: `${row}, seed ${seed}`,
      needs: stage.needs.map(({ key }) => key).filter((key) => keys.has(key)),
      async run() {
        const outcome = await runInProcess(stage, { threads, parent: tracker.id, memory }, signal);
        if (outcome.done) return outcome;
        if (outcome.stopped) stopped.abort();
        return { ...outcome, reason: `${outcome.reason} (${relative(process.cwd(), stage.folder)}/${outputFile})` };
      },
    }),
  );
  let warned = false;
  const failures = await runSchedule(schedule, {
    parallel: jobs,
    retries: retry,
    signal: AbortSignal.any([signal, stopped.signal]),
    onChange(line, state) {
      progress.change(line, state);
      tracker.metrics({ 'sweep/done': before + state.done }, before + state.done);
    },
    hasRoom() {
      const room = memory.hasRoom();
      if (!room && !warned)
        progress.say(`Memory is short: a training takes ${gigabytes(memory.peak())}, so fewer run at a time`);
      warned ||= !room;
      return room;
    },
  });
  progress.end();
  // The signal may never reach this process: it ends as if it had, since the sweep is not complete.
  if (stopped.signal.aborted && !signal.aborted) process.emit('SIGTERM', 'SIGTERM');
  signal.throwIfAborted();
  if (stopped.signal.aborted) throw new UserError('A training was stopped. The same command resumes the sweep.', 1);
  return failures;
}

/** One error for all failures. @param report the path of the report on the other trainings */
export function failed(failures: readonly JobFailure[], total: number, report?: string): UserError {
  const each = failures.map(({ label, reason }) => `  ${label}: ${reason}`);
  const rest = report === undefined ? '' : `\nThe report of the rest is ${report}.`;
  return new UserError(
    `${failures.length} of ${total} trainings failed; the same command tries them again.\n${each.join('\n')}${rest}`,
    1,
  );
}

const gigabytes = (bytes: number): string => (bytes === 0 ? 'at least 0.6 GB' : `${(bytes / 1e9).toFixed(1)} GB`);
