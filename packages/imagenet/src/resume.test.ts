/** Trainings on files that are interrupted in the middle of an epoch and resumed give the same bits. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCifarExample } from '@headshare/core/data/example/cifar-files';
import type { Stage } from '@headshare/core/experiment/define';
import type { Session } from '@headshare/core/experiment/plan-run';
import { runStage } from '@headshare/core/experiment/run-stage';
import { readFinished } from '@headshare/core/experiment/store';
import type { NetworkResult } from '@headshare/core/recipes/network-stages';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import { writeImageNetExample } from './data/example-imagenet';
import { experiments } from './experiments';

const root = mkdtempSync(join(tmpdir(), 'headshare-resume-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const data = join(root, 'data');
const stages = new Map<string, Stage>(
  Object.entries(experiments).map(([name, experiment]) => [name, experiment as Stage]),
);

const recipe = {
  method: 'crd:0.8+th-kd:0.02+kd',
  methodOptions: ['crd.negatives=5', 'crd.dimension=8'],
  batchSize: 4,
  epochs: 2,
  teacherEpochs: 1,
  studentWidth: 0.25,
  teacherWidth: 0.25,
};

const recipes = {
  'JPEGs with all augmentations, one of them damaged': {
    isDamaged: true,
    write: () => writeImageNetExample(join(data, 'imagenet'), { corrupt: true }),
    given: {
      dataset: 'imagenet',
      data: join(data, 'imagenet'),
      imageSize: 32,
      colorJitter: 0.4,
      randAugment: 2,
      randomErasing: 0.5,
      emaDecay: 0.9,
      unreadable: 'skip',
      unreadableShare: 0.2,
    },
  },
  'CIFAR-100 with crops and mirroring': {
    isDamaged: false,
    write: async () => writeCifarExample(join(data, 'cifar'), 'cifar100', 16),
    given: { dataset: 'cifar100', data: join(data, 'cifar'), normalisation: 'cifar100', selectOn: 'last' },
  },
};

/** Distils in the folder `name`; `stop` is the student's step after which the training is interrupted. */
async function distill(name: string, given: Readonly<Record<string, unknown>>, stop?: number) {
  const controller = new AbortController();
  const lines: string[] = [];
  let steps = 0;
  const session = untrackedSession({ package: 'imagenet', root: join(root, name), experiments: stages });
  const stopping: Session = {
    ...session,
    signal: controller.signal,
    log: (line) => lines.push(line),
    async track(run) {
      const tracker = await session.track(run);
      return {
        ...tracker,
        metrics: (values, step) => {
          if (run.experiment !== 'distill' || !('step/loss' in values)) return;
          steps = step;
          if (step === stop) controller.abort();
        },
      };
    },
  };
  const settings = { profile: 'smoke', given: { ...recipe, ...given } };
  const { folder } = await runStage(experiments.distill, settings, stopping);
  return { folder, lines, steps };
}

test.each(Object.entries(recipes))(
  '%s',
  async (name, { write, given, isDamaged }) => {
    mkdirSync(data, { recursive: true });
    await write();
    const { folder: whole, steps } = await distill(`${name}/whole`, given);
    // In the middle of the second epoch.
    const stop = steps - 1;
    const teacher = 'runs/imagenet/teacher';
    cpSync(join(root, name, 'whole', teacher), join(root, name, 'stopped', teacher), { recursive: true });
    await expect(distill(`${name}/stopped`, given, stop)).rejects.toThrow('aborted');
    const { folder: again, lines } = await distill(`${name}/stopped`, given);
    expect(lines).toContain(`student: resuming after step ${stop} (epoch 2)`);
    const unreadable = await Promise.all([whole, again].map(async (at) => (await readFinished(at))?.result));
    const counts = (unreadable as (NetworkResult | undefined)[]).map((result) => result?.unreadable);
    expect(counts[0]).toEqual(counts[1]);
    expect(counts[0]?.map(({ use, count }) => [use, count])).toEqual(isDamaged ? [['held-out', 1]] : undefined);
    for (const file of ['last', 'best', 'test-predictions'].map((it) => `${it}.safetensors`)) {
      expect(readFileSync(join(again, file)).equals(readFileSync(join(whole, file)))).toBe(true);
    }
  },
  120_000,
);
