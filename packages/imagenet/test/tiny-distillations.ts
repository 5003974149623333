/** For tests: trainings of `imagenet:distill` on a few tiny images, in this process and without MLflow. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from '@headshare/core/experiment/define';
import { runStage } from '@headshare/core/experiment/run-stage';
import type { NetworkResult } from '@headshare/core/recipes/network-stages';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import { experiments } from '../src/experiments';

const tiny = {
  imageSize: 16,
  classes: 3,
  imagesPerClass: 6,
  testImagesPerClass: 2,
  batchSize: 6,
  studentWidth: 0.25,
  teacherWidth: 0.25,
};

/** Trainings in a folder of their own, which `remove` removes. */
export function tinyDistillations() {
  const root = mkdtempSync(join(tmpdir(), 'headshare-methods-'));
  const stages = new Map<string, Stage>(
    Object.entries(experiments).map(([name, experiment]) => [name, experiment as Stage]),
  );
  const session = untrackedSession({ package: 'imagenet', root, experiments: stages });
  return {
    /** Trains a student with these options, and expects its results to be complete. */
    async distill(given: Readonly<Record<string, unknown>>): Promise<void> {
      const { run } = await runStage(experiments.distill, { profile: 'smoke', given: { ...tiny, ...given } }, session);
      const { metrics, summary } = run.result as NetworkResult;
      expect(metrics.top1).toBeGreaterThanOrEqual(0);
      expect(metrics.agreement).toBeGreaterThanOrEqual(0);
      expect(summary).toContain('teacher');
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
