/**
 * Compares compiled with eager training over twenty steps, for every method and every setting that changes a step.
 * Both run the same kernels in the same order, so their results are equal to the bit.
 */
import { join } from 'node:path';
import { removeTemporaryFolders, tinyMethod, tinyNetwork, tinyTask, trainTiny } from '../../test/tiny-training';
import type { MethodSettings } from '../distill/method';
import { methods } from '../distill/registry';
import type { NamedValues } from '../runtime/state';
import { checkpointFiles, readCheckpoint } from './checkpoint';
import type { SharedHead } from './networks/shared-head';
import type { Distillation, TrainingSettings } from './settings';

const steps = 20;

/** Settings that change a step; the cases take them in turn. The six test images fill one batch of four and pad another. */
const kinds: readonly Partial<TrainingSettings>[] = [
  { schedule: 'cosine', clipNorm: 1, epochs: 5, evaluateEvery: 5 },
  { schedule: 'polynomial', clipNorm: 0, epochs: 10, evaluateEvery: 10, batchSize: 8, accumulate: 2 },
  { schedule: 'multi-step', clipNorm: 0.1, epochs: 5, evaluateEvery: 5, emaDecay: 0.9, emaWarmUp: true },
  { clipNorm: 1, epochs: 10, evaluateEvery: 5, batchSize: 8, accumulate: 2, emaDecay: 0.5, weightDecay: 0 },
  { clipNorm: 0, epochs: 5, evaluateEvery: 5, momentum: 0 },
];

let teacher: string;
let wideTeacher: string;
beforeAll(async () => {
  const options = { role: 'teacher', settings: { seed: 7, epochs: 1 } } as const;
  const last = ({ folder }: { folder: string }) => join(folder, checkpointFiles.last);
  teacher = last(await trainTiny(options));
  wideTeacher = last(await trainTiny({ ...options, network: tinyNetwork(0.5) }));
});

afterAll(removeTemporaryFolders);

interface Case {
  readonly title: string;
  readonly method: string;
  readonly form?: MethodSettings['form'];
  readonly from: () => string;
  readonly sharedHead?: SharedHead['use'];
  /** Replaces the settings taken in turn. */
  readonly kind?: Partial<TrainingSettings>;
}

const mixed = { mixup: 0.4, cutmix: 1, mixProbability: 0.8, labelSmoothing: 0.1, backboneRate: 0.1 };

const cases: readonly Case[] = [
  // Methods that need class centres are in partial-fc.test.ts.
  ...methods.all
    .filter(({ needs }) => !needs.includes('class-centres'))
    .map(
      ({ name: method, needs }, i): Case =>
        i % 2 === 0 && !needs.includes('equal-channels')
          ? { title: `${method}, from a wider teacher`, method, from: () => wideTeacher }
          : { title: `${method}, from a teacher of equal width`, method, from: () => teacher },
    ),
  { title: "l2e-th-kd in the paper's form", method: 'l2e-th-kd', form: 'paper', from: () => wideTeacher },
  { title: "sh-kd's student with a frozen head", method: 'l2e', from: () => wideTeacher, sharedHead: 'frozen' },
  {
    title: 'l2e-th-kd with mixed images, smoothed labels and a slower backbone',
    method: 'l2e-th-kd',
    form: 'paper',
    from: () => wideTeacher,
    kind: { ...mixed, epochs: 5, evaluateEvery: 5 },
  },
  {
    title: 'kd with images mixed per micro-batch',
    method: 'kd',
    from: () => teacher,
    kind: { ...mixed, epochs: 10, evaluateEvery: 10, batchSize: 8, accumulate: 2 },
  },
  {
    title: "sh-kd's student that starts with the shared head",
    method: 'l2e',
    from: () => teacher,
    sharedHead: 'initial',
  },
];

async function run(
  { method: name, form, from, sharedHead: use }: Case,
  kind: Partial<TrainingSettings>,
  eager: boolean,
) {
  const method = tinyMethod(name, { ...(form && { form }) });
  const distillation: Distillation = { teacher: from(), method };
  const { folder, tracked } = await trainTiny({
    distillation,
    ...(use && { sharedHead: { from: wideTeacher, use } }),
    task: tinyTask(16),
    settings: { seed: 3, ...kind },
    eager,
  });
  const tensors = (file: string): [string, NamedValues][] => [...readCheckpoint(join(folder, file)).tensors];
  return { tracked, weights: tensors(checkpointFiles.training), predictions: tensors('test-predictions.safetensors') };
}

test.each(cases.map((one, i) => [one.title, one, one.kind ?? kinds[i % kinds.length] ?? {}] as const))(
  '%s',
  async (_, one, kind) => {
    const compiled = await run(one, kind, false);
    const eager = await run(one, kind, true);
    const ofSteps = compiled.tracked.filter(({ values }) => 'step/loss' in values);
    expect(ofSteps).toHaveLength(steps);
    expect(compiled.tracked).toEqual(eager.tracked);
    expect(differing(compiled.weights, eager.weights)).toEqual([]);
    expect(differing(compiled.predictions, eager.predictions)).toEqual([]);
  },
);

/** Names of the tensors that differ, each with its largest difference, for a readable failure. */
function differing(some: readonly [string, NamedValues][], others: readonly [string, NamedValues][]): string[] {
  expect(others.map(([name]) => name)).toEqual(some.map(([name]) => name));
  return some.flatMap(([name, { values }], i) => {
    const other = others[i]?.[1].values ?? new Float32Array();
    const most = values.reduce((far, value, at) => Math.max(far, Math.abs(value - (other[at] ?? Number.NaN))), 0);
    return most === 0 ? [] : [`${name}: up to ${most}`];
  });
}
