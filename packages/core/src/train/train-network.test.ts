import { join } from 'node:path';
import {
  removeTemporaryFolders,
  temporaryFolder,
  tinyMethod,
  tinyNetwork,
  tinySettings,
  tinyTask,
  trainTiny,
} from '../../test/tiny-training';
import type { MethodSettings } from '../distill/method';
import type { NamedValues } from '../runtime/state';
import { State } from '../runtime/state';
import { tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import { checkpointFiles, type NetworkMetadata, readCheckpoint, writeCheckpoint } from './checkpoint';
import { importNetwork } from './networks/import-network';
import type { Distillation } from './settings';

const last = (folder: string) => join(folder, checkpointFiles.last);
const tensorsOf = (file: string) => readCheckpoint<NetworkMetadata>(file).tensors;

/** A teacher as wide as the student, and one that is twice as wide. */
let equal: string;
let wide: string;
beforeAll(async () => {
  equal = last((await trainTiny({ role: 'teacher', settings: { seed: 7 } })).folder);
  wide = last((await trainTiny({ role: 'teacher', network: tinyNetwork(0.5), settings: { seed: 7 } })).folder);
});

afterAll(removeTemporaryFolders);

const learning = (name: string, teacher: string, changed: Partial<MethodSettings> = {}): Distillation => ({
  teacher,
  method: tinyMethod(name, changed),
});

/** The final state of one training. */
async function endOf(run: () => Promise<unknown>): Promise<Map<string, NamedValues>> {
  let values = new Map<string, NamedValues>();
  const { dispose } = State.prototype;
  const spy = jest.spyOn(State.prototype, 'dispose').mockImplementation(function (this: State) {
    if (this.get('student/conv1.weight') && this.all('slot').length > 0) values = this.values();
    dispose.call(this);
  });
  await run();
  spy.mockRestore();
  return values;
}

const under = (prefix: string, values: ReadonlyMap<string, NamedValues>) =>
  new Map(
    [...values].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );

test("the paper's form trains and logs its terms", async () => {
  const { tracked } = await trainTiny({
    distillation: learning('l2e-th-kd', wide, { form: 'paper' }),
    settings: { epochs: 1 },
  });
  expect(Object.keys(tracked[0]?.values ?? {}).sort()).toEqual(
    ['ce', 'gradient_norm', 'kd', 'l2e', 'learning_rate', 'loss', 'th-ce', 'th-kd'].map((term) => `step/${term}`),
  );
});

describe("a student whose predictions include the teacher's head", () => {
  test.each([
    ['an equally wide teacher', () => equal],
    ['a wider teacher', () => wide],
  ])('saves the head in its checkpoint and predicts the same when loaded: %s', async (_, teacher) => {
    const distillation = { ...learning('th-kd', teacher()), predictionShare: 0.5 };
    const task = tinyTask();
    const { folder, last: metrics } = await trainTiny({ distillation, task, settings: { epochs: 1 } });
    const { tensors, metadata } = readCheckpoint<NetworkMetadata>(last(folder));
    expect(metadata.network.blend).toEqual({ share: 0.5, head: 'linear' });
    expect(under('teacher_head.', tensors)).toEqual(under('head.', tensorsOf(teacher())));
    const again = await importNetwork({
      file: last(folder),
      task,
      folder: temporaryFolder(),
      allowMissing: [],
      batchSize: tinySettings.batchSize,
    });
    expect(metrics).toMatchObject(again.metrics);
  });

  test('learns the same weights as a student without it; only predictions differ', async () => {
    const run = async (predictionShare: number) => {
      const distillation = { ...learning('th-kd', equal), predictionShare };
      const { folder } = await trainTiny({ distillation, settings: { epochs: 1 } });
      const weights = [...tensorsOf(last(folder))].filter(([name]) => !name.startsWith('teacher_head.'));
      return { weights: new Map(weights), predictions: tensorsOf(join(folder, 'test-predictions.safetensors')) };
    };
    const [plain, blended] = [await run(0), await run(1)];
    expect(blended.weights).toEqual(plain.weights);
    expect(blended.predictions).not.toEqual(plain.predictions);
  });
});

test.each([
  ['by whole batches', {}],
  ['with micro-batches and averaged weights', { batchSize: 8, accumulate: 2, emaDecay: 0.9 }],
])('recomputing blocks for their gradients gives the same bits: %s', async (_, settings) => {
  const options = { distillation: learning('l2e-th-kd', wide), settings: { seed: 3, ...settings } };
  const [plain, again] = [await trainTiny(options), await trainTiny({ ...options, recompute: true })];
  expect(again.tracked).toEqual(plain.tracked);
  const training = ({ folder }: { folder: string }) => tensorsOf(join(folder, checkpointFiles.training));
  expect(training(again)).toEqual(training(plain));
});

describe('frozen variables do not move:', () => {
  test.each([false, true])(
    "the teacher's weights and statistics, to the bit, and it has no slots (eager: %s)",
    async (eager) => {
      const distillation = learning('l2e-th-kd', wide);
      const after = await endOf(() => trainTiny({ distillation, eager, settings: { epochs: 1 } }));
      const teacher = under('distilled-teacher/', after);
      expect(teacher.size).toBeGreaterThan(30);
      expect(teacher).toEqual(tensorsOf(wide));
      const slots = [...after.keys()].filter((name) => name.startsWith('momentum/'));
      expect(slots.filter((name) => name.includes('distilled-teacher'))).toEqual([]);
      expect(slots).toContain('momentum/student/teacher_space.weight');
    },
  );

  test('a shared head keeps its bits and has no slots; the backbone moves', async () => {
    const run = { sharedHead: { from: equal, use: 'frozen' }, settings: { epochs: 1 } } as const;
    const after = await endOf(() => trainTiny(run));
    expect(under('student/head.', after)).toEqual(under('head.', tensorsOf(equal)));
    const moved = after.get('momentum/student/conv1.weight')?.values ?? [];
    expect(moved.some((value) => value !== 0)).toBe(true);
    expect([...after.keys()].filter((name) => name.startsWith('momentum/student/head.'))).toEqual([]);
  });

  test('an initial head starts with the shared weights, and then moves', async () => {
    const sharedHead = { from: equal, use: 'initial' } as const;
    const still = await trainTiny({ sharedHead, settings: { epochs: 1, learningRate: 1e-30 } });
    const moved = await trainTiny({ sharedHead, settings: { epochs: 1 } });
    const shared = under('head.', tensorsOf(equal));
    expect(under('head.', tensorsOf(last(still.folder)))).toEqual(shared);
    expect(under('head.', tensorsOf(last(moved.folder)))).not.toEqual(shared);
  });

  test('a head for a longer embedding needs a projection, which the checkpoint holds', async () => {
    const { folder } = await trainTiny({ sharedHead: { from: wide, use: 'frozen' }, settings: { epochs: 1 } });
    const { tensors, metadata } = readCheckpoint<NetworkMetadata>(last(folder));
    expect(metadata.network).toMatchObject({ width: 0.25, projection: 32 });
    expect(under('head.', tensors)).toEqual(under('head.', tensorsOf(wide)));
    // A student with a projection can be a teacher.
    const next = await trainTiny({ distillation: learning('th-kd', last(folder)), settings: { epochs: 1 } });
    expect(next.last.top1).toBeGreaterThanOrEqual(0);
  });
});

test.each([
  ['by whole batches', {}],
  ['with micro-batches and averaged weights', { batchSize: 8, accumulate: 2, emaDecay: 0.9 }],
])('no tensor is leaked, and their number does not grow over the steps: training %s', async (_, settings) => {
  const options = { distillation: learning('l2e-th-kd', wide), settings };
  await trainTiny(options);
  const before = tf.memory().numTensors;
  // At each step; the values that an evaluation prepares are there until the next one.
  const during = new Map<number, number>();
  await trainTiny({
    ...options,
    onMetrics: (step) => during.set(step, during.get(step) ?? tf.memory().numTensors),
  });
  expect(tf.memory().numTensors).toBe(before);
  // Compiling evaluation after the first epoch adds nothing either.
  expect(during.size).toBeGreaterThanOrEqual(4);
  expect(new Set(during.values()).size).toBe(1);
  await trainTiny({ ...options, eager: true });
  expect(tf.memory().numTensors).toBe(before);
});

describe('unsuitable checkpoints:', () => {
  const file = join(temporaryFolder(), 'wrong.safetensors');
  const refuses = (run: Promise<unknown>, message: string) => expect(run).rejects.toThrow(new UserError(message, 1));

  test('one without a network', async () => {
    const training = equal.replace('last', 'training');
    await refuses(
      trainTiny({ distillation: learning('kd', training) }),
      `The checkpoint ${training} holds no network: its metadata describes none.`,
    );
  });

  test('one with an unknown backbone', async () => {
    writeCheckpoint(file, { tensors: new Map(), metadata: { network: { ...tinyNetwork(), backbone: 'vgg7' } } });
    await expect(trainTiny({ distillation: learning('kd', file) })).rejects.toThrow(
      `${file} has the unknown backbone 'vgg7' (known:`,
    );
  });

  test('one whose tensors do not fit its network', async () => {
    writeCheckpoint(file, { tensors: tensorsOf(wide), metadata: { network: tinyNetwork() } });
    await expect(trainTiny({ distillation: learning('kd', file) })).rejects.toThrow(
      `${file} does not fit the network: conv1.weight is [3,3,3,8] there but [3,3,3,4] in the network;`,
    );
  });

  test('a head for other classes', async () => {
    writeCheckpoint(file, { tensors: tensorsOf(wide), metadata: { network: { ...tinyNetwork(0.5), classes: 9 } } });
    await refuses(
      trainTiny({ sharedHead: { from: file, use: 'frozen' } }),
      `The head of ${file} has 9 classes, this data has 4: networks can only share a head if they have the same classes.`,
    );
  });
});
