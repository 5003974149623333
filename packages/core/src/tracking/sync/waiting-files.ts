/**
 * Files wait until all else has been sent: a server whose store hangs, is full, or is not for us, still takes metrics. They
 * wait for each other too, as a later one may be of the same name.
 */
import { type Connection, MlflowError, type Run } from 'mlflow-js-client';
import { readJournal } from '../journal/journal';
import { problemOf } from './destination';
import { type Step, steps } from './event-batches';
import { sendStep } from './send-events';
import type { Sent } from './sync-state';

type FileStep = Extract<Step, { kind: 'event' }> & { readonly event: { readonly type: 'artifact' | 'model' } };

export const isOfFiles = (step: Step): step is FileStep =>
  step.kind === 'event' && (step.event.type === 'artifact' || step.event.type === 'model');

/** The steps that wait, from the first on. */
export async function* waitingSteps(journal: string, { filesFrom, bytes }: Sent): AsyncGenerator<FileStep> {
  if (filesFrom === undefined) return;
  for await (const step of steps(readJournal(journal, filesFrom, bytes))) if (isOfFiles(step)) yield step;
}

/**
 * Sends what a step is of. Returns what was refused for good, a sentence each.
 * Throws MlflowError FILES_WAIT, which says why files could not be sent, and what is not about the files.
 */
export async function sendFiles(
  server: Connection,
  run: Run,
  journal: string,
  step: FileStep,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await sendStep(server, run, journal, step);
  } catch (error) {
    const runIsGone = error instanceof MlflowError && error.code === 'RUN_DELETED';
    if (signal.aborted || runIsGone) throw error;
    const what = step.event.type === 'model' ? `the model ${step.event.model.name}` : step.event.path;
    throw new MlflowError(`${what} and the files after it wait: ${problemOf(error)}`, 'FILES_WAIT', 0, {
      cause: error,
    });
  }
}
