import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SourceRun } from '@headshare/core/export/source';
import { checkpointFiles } from '@headshare/core/train/checkpoint';

/** The checkpoint of the teacher that a run's earlier stage trained; undefined where this machine has none. */
export function teacherFile({ run, folder }: SourceRun): string | undefined {
  const teacher = run.finished.stages?.findLast(({ experiment }) => experiment.startsWith('teacher'));
  if (!teacher) return undefined;
  // runs/<package>/<experiment>/<key>
  const file = join(dirname(dirname(folder)), teacher.experiment, teacher.key, checkpointFiles.last);
  return existsSync(file) ? file : undefined;
}
