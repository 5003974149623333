import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { UserError } from '../../system/user-error';
import type { RunContext } from '../define';
import { integer, optional } from '../option';
import { memoryGuard } from './memory';
import type { SweptRun } from './plan-sweep';
import { outputFile, runInProcess } from './run-process';
import { type Job, type JobFailure, runSchedule } from './schedule';
import { sweepProgress } from './sweep-progress';

/** How runs are spread over processes. They change nothing about what comes out. */
export const processOptions = {
  jobs: optional(integer({ min: 1, notInKey: true, help: 'parallel processes' }), 'one per core, one on a GPU'),
  retry: integer({ default: 1, min: 0, max: 10, notInKey: true, help: 'retries of a failed training' }),
};

/** What running apart needs of a run's context. */
type Surroundings = Pick<RunContext<unknown>, 'signal' | 'tracker' | 'log'>;

/**
 * Trains what has not been trained yet, in processes side by side, as far as memory allows. Each process has an equal
 * share of the cores, unless HEADSHARE_THREADS says how many threads: networks as small as the defaults' use one core
 * better than two.
 * @returns what failed in the end; throws the signal's reason after an abort, when all processes have kept a checkpoint.
 * A training that is told to stop from elsewhere stops them all.
 */
export async function runApart(
  runs: readonly SweptRun[],
  { jobs: wanted, retry }: { readonly jobs: number | undefined; readonly retry: number },
  { signal, tracker, log }: Surroundings,
): Promise<readonly JobFailure[]> {
  const missing: SweptRun[] = [];
  for (const run of runs) if (!(await run.stage.finished())) missing.push(run);
  if (missing.length === 0) return [];
  const cores = availableParallelism();
  const jobs = wanted ?? (process.env.TF_DEVICE === 'gpu' ? 1 : cores);
  const threads = Number(process.env.HEADSHARE_THREADS) || Math.max(1, Math.floor(cores / jobs));
  const memory = memoryGuard();
  log(
    `${runs.length - missing.length} of ${runs.length} trainings are done already; ${jobs} at a time, ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
  );
  const progress = sweepProgress(log, runs.length - missing.length);
  // Nx's Ctrl-C reaches the trainings first, and this process only when they have ended: none may start meanwhile.
  const stopped = new AbortController();
  const keys = new Set(missing.map(({ stage }) => stage.key));
  const schedule = missing.map(({ row, seed, stage }): Job => {
    const shown = relative(process.cwd(), stage.folder);
    return {
      key: stage.key,
      label: `${row}, seed ${seed}`,
      needs: stage.needs.map(({ key }) => key).filter((key) => keys.has(key)),
      async run() {
        const outcome = await runInProcess(stage, { threads, parent: tracker.id, signal, memory });
        if (!outcome.done && outcome.stopped) stopped.abort();
        return outcome.done ? outcome : { ...outcome, reason: `${outcome.reason} (${shown}/${outputFile})` };
      },
    };
  });
  let told = false;
  const failures = await runSchedule(schedule, {
    parallel: jobs,
    retries: retry,
    signal: AbortSignal.any([signal, stopped.signal]),
    onChange(line, state) {
      progress.change(line, state);
      const all = runs.length - missing.length + state.done;
      tracker.metrics({ 'sweep/done': all }, all);
    },
    hasRoom() {
      const room = memory.hasRoom();
      if (!room && !told)
        progress.say(`Fewer at a time: one takes ${gigabytes(memory.peak())} of memory, and no more is free`);
      told ||= !room;
      return room;
    },
  });
  progress.end();
  // As if the signal had come here, whether or not it will: the sweep is not over.
  if (stopped.signal.aborted && !signal.aborted) process.emit('SIGTERM', 'SIGTERM');
  signal.throwIfAborted();
  if (stopped.signal.aborted)
    throw new UserError('A training was told to stop. The same command goes on from there.', 1);
  return failures;
}

/** One error that names all that failed, and where what did not is reported. */
export function failed(failures: readonly JobFailure[], total: number, report?: string): UserError {
  const each = failures.map(({ label, reason }) => `  ${label}: ${reason}`);
  const rest = report === undefined ? '' : `\nThe report of the rest is ${report}.`;
  return new UserError(
    `${failures.length} of ${total} trainings failed; the same command tries them again.\n${each.join('\n')}${rest}`,
    1,
  );
}

const gigabytes = (bytes: number): string => (bytes === 0 ? 'at least 0.6 GB' : `${(bytes / 1e9).toFixed(1)} GB`);
