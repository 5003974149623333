import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  removeTemporaryFolders,
  stopTiny,
  type TinyRun,
  temporaryFolder,
  tinyImages,
  tinyMethod,
  tinyNetwork,
  trainTiny,
} from '../../../test/tiny-training';
import type { ImageDataset } from '../../data/dataset';
import { headerBytes, shardCodec } from '../../data/embedding-cache/embedding-shard';
import { augmented, type FlipAndCrop } from '../../data/loading/augmented';
import { backend } from '../../runtime/binding';
import { type NamedValues, State } from '../../runtime/state';
import { tf } from '../../runtime/tensorflow';
import { checkpointFiles, readCheckpoint, writeCheckpoint } from '../checkpoint';
import { classificationTask } from '../evaluation/classification-task';
import type { Task } from '../evaluation/task';
import type { Distillation } from '../settings';

const images = 16;
const flips: FlipAndCrop = { flip: true };
const crops: FlipAndCrop = { flip: true, crop: { pad: 1 } };

const taskOf = (augment: FlipAndCrop, train: ImageDataset = tinyImages('train', images)): Task =>
  classificationTask({ train: augmented(train, augment), test: tinyImages('test', 6) });

let teacher: string;
beforeAll(async () => {
  const { folder } = await trainTiny({ role: 'teacher', network: tinyNetwork(0.5), settings: { seed: 7 } });
  teacher = join(folder, checkpointFiles.last);
});

afterAll(removeTemporaryFolders);

interface StudentOptions extends Partial<Omit<Distillation, 'method' | 'cache'>> {
  readonly method?: string;
  readonly cache?: string;
  readonly type?: 'float32' | 'float16';
  readonly isOptional?: boolean;
  readonly augment?: FlipAndCrop;
  readonly train?: ImageDataset;
  readonly settings?: NonNullable<Parameters<typeof trainTiny>[0]>['settings'];
  readonly network?: ReturnType<typeof tinyNetwork>;
  readonly folder?: string;
  readonly eager?: boolean;
}

/** Options of `trainTiny` for a student of the teacher; without `cache`, the teacher runs in every step. */
const student = ({
  method = 'th-kd',
  cache: folder,
  type = 'float32',
  isOptional = false,
  augment = flips,
  train,
  settings,
  network,
  eager,
  ...distillation
}: StudentOptions) => ({
  task: taskOf(augment, train),
  ...(settings && { settings }),
  ...(network && { network }),
  ...(eager && { eager }),
  distillation: {
    teacher,
    method: tinyMethod(method),
    ...distillation,
    // Two shards for each augmented copy.
    ...(folder !== undefined && { cache: { type, isOptional, folder, embeddingsPerShard: 10 } }),
  },
});

const distil = (options: StudentOptions = {}): Promise<TinyRun> => trainTiny(student(options));

const weightsOf = ({ folder }: TinyRun) => readCheckpoint(join(folder, checkpointFiles.last)).tensors;

function expectSame(one: TinyRun, other: TinyRun): void {
  expect(one.tracked).toEqual(other.tracked);
  expect(weightsOf(one)).toEqual(weightsOf(other));
}

/** The shards of the only cache in a folder. */
function shardsIn(folder: string): string[] {
  const [cache] = readdirSync(folder);
  const at = join(folder, cache as string);
  return readdirSync(at)
    .filter((name) => name.endsWith('.rows'))
    .sort()
    .map((name) => join(at, name));
}

/** Of the first number in a shard of float32, whose row is whole afterwards. */
function changeLastBit(file: string): void {
  const bytes = readFileSync(file);
  const dimension = bytes.readUInt32LE(16);
  const count = bytes.readUInt32LE(20);
  bytes[headerBytes] = (bytes[headerBytes] as number) ^ 1;
  const row = Float32Array.from({ length: dimension }, (_, i) => bytes.readFloatLE(headerBytes + 4 * i));
  const key = bytes.toString('hex', 32, 64);
  shardCodec({ key, type: 'float32', dimension, count, copy: 0, first: 0 }).encode(0, row).copy(bytes, headerBytes);
  writeFileSync(file, bytes);
}

const contents = (files: readonly string[]) => files.map((file) => readFileSync(file));

describe('losses and weights with the cache equal the ones with a running teacher, to the bit,', () => {
  test.each(['th-kd', 'l2e', 'crd', 'rkd', 'proxyless'])('with %s', async (method) => {
    const cache = temporaryFolder();
    expectSame(await distil({ method, cache }), await distil({ method }));
  });

  test('for unchanged images, mirrored images and augmented copies', async () => {
    const cases: StudentOptions[] = [{ augment: {} }, { augment: flips }, { augment: crops, views: 3 }];
    for (const [i, one] of cases.entries()) {
      const cache = temporaryFolder();
      const settings = { epochs: 4 };
      expectSame(await distil({ ...one, settings, cache }), await distil({ ...one, settings }));
      expect(shardsIn(cache)).toHaveLength([2, 4, 6][i] as number);
    }
  });

  test('with micro-batches, and with eager steps', async () => {
    for (const one of [{ settings: { accumulate: 2 } }, { eager: true }]) {
      expectSame(await distil({ ...one, cache: temporaryFolder() }), await distil(one));
    }
  });

  test('after an interruption', async () => {
    const cache = temporaryFolder();
    const folder = await stopTiny(5, student({ cache }));
    const whole = await distil();
    const rest = await trainTiny({ ...student({ cache }), folder });
    expect(weightsOf(rest)).toEqual(weightsOf(whole));
  });
});

test('float16 takes half the space; weights differ by less than a thousandth', async () => {
  const [half, full] = [temporaryFolder(), temporaryFolder()];
  const near = await distil({ cache: half, type: 'float16' });
  const exact = await distil({ cache: full });
  const bytes = (folder: string) => contents(shardsIn(folder)).reduce((sum, { length }) => sum + length, 0);
  expect(bytes(half) / bytes(full)).toBeLessThan(0.6);
  let largest = 0;
  for (const [name, { values }] of weightsOf(exact)) {
    const other = weightsOf(near).get(name)?.values ?? [];
    for (const [i, value] of values.entries()) largest = Math.max(largest, Math.abs(value - (other[i] as number)));
  }
  expect(largest).toBeGreaterThan(0);
  expect(largest).toBeLessThan(1e-3);
});

test('students and seeds share one cache', async () => {
  const cache = temporaryFolder();
  await distil({ cache, augment: crops, views: 2 });
  const before = contents(shardsIn(cache));
  const other = await distil({
    cache,
    augment: crops,
    views: 2,
    method: 'l2e',
    network: tinyNetwork(0.5),
    settings: { seed: 3 },
  });
  expect(other.lines[0]).toMatch(/^teacher cache: 32 embeddings read from /);
  expect(readdirSync(cache)).toHaveLength(1);
  expect(contents(shardsIn(cache))).toEqual(before);
});

test('another teacher, other data and other copies have separate caches', async () => {
  const cache = temporaryFolder();
  await distil({ cache });
  await distil({ cache, train: tinyImages('others', images) });
  await distil({ cache, augment: {} });
  const { tensors, metadata } = readCheckpoint(teacher);
  const name = 'conv1.weight';
  const { shape, values } = tensors.get(name) as NamedValues;
  const changed = new Map(tensors).set(name, {
    shape,
    values: values.map((value, i) => (i === 0 ? value * 1.001 : value)),
  });
  const file = join(temporaryFolder(), 'other.safetensors');
  writeCheckpoint(file, { tensors: changed, metadata });
  await distil({ cache, teacher: file });
  expect(readdirSync(cache)).toHaveLength(4);
});

describe('a damaged file is computed again:', () => {
  const damages: Record<string, (files: readonly string[]) => void> = {
    truncated: ([file]) => truncateSync(file as string, 200),
    'a changed byte': ([, file]) => {
      const bytes = readFileSync(file as string);
      // The byte is in the last row, which every training reads.
      bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 1;
      writeFileSync(file as string, bytes);
    },
    "another shard's content": ([one, other]) => writeFileSync(one as string, readFileSync(other as string)),
    empty: ([file]) => writeFileSync(file as string, ''),
  };
  test.each(Object.keys(damages))('%s', async (how) => {
    const cache = temporaryFolder();
    // Without augmentation, the first epoch reads all rows.
    const first = await distil({ cache, augment: {} });
    const files = shardsIn(cache);
    const whole = contents(files);
    damages[how]?.(files);
    expect(contents(files)).not.toEqual(whole);
    const again = await distil({ cache, augment: {} });
    expectSame(again, first);
    expect(contents(files)).toEqual(whole);
  });
});

test('a damaged file is named in the log', async () => {
  const cache = temporaryFolder();
  await distil({ cache, augment: {} });
  const [, file] = shardsIn(cache) as [string, string];
  const bytes = readFileSync(file);
  bytes.fill(0, bytes.length - 20);
  writeFileSync(file, bytes);
  const { lines } = await distil({ cache, augment: {} });
  expect(lines.filter((line) => line.includes('damaged'))).toEqual([
    `teacher cache: ${file} is damaged; computing it again`,
  ]);
});

test('an interrupted build keeps finished files and continues from them', async () => {
  const cache = temporaryFolder();
  const reason = new Error('stopped by hand');
  const controller = new AbortController();
  const train = tinyImages('train', images);
  let reads = 0;
  const stopping: ImageDataset = {
    ...train,
    async read(...given) {
      await train.read(...given);
      // The shards hold ten and six images, read in batches of four: the fifth read is in the second shard.
      if (++reads === 5) controller.abort(reason);
    },
  };
  const run = trainTiny({ ...student({ cache, train: stopping }), signal: controller.signal });
  await expect(run).rejects.toBe(reason);
  const [finished, ...others] = shardsIn(cache) as [string];
  expect(others).toEqual([]);
  expect(readdirSync(join(finished, '..'))).toHaveLength(1);
  const { ino } = statSync(finished);
  const resumed = await distil({ cache });
  expect(resumed.lines[0]).toMatch(
    /32 embeddings \(16 images, each and its mirror image\) into .*, 10 of them already there$/,
  );
  expect(statSync(finished).ino).toBe(ino);
  expectSame(resumed, await distil());
});

test('two trainings that start together share the build', async () => {
  const cache = temporaryFolder();
  const [one, other] = await Promise.all([distil({ cache }), distil({ cache })]);
  expectSame(one, other);
  expect(shardsIn(cache)).toHaveLength(4);
});

test("a cache whose values differ from the teacher's, for example after a code change, is computed again", async () => {
  const cache = temporaryFolder();
  const train = tinyImages('train', images);
  const changed: ImageDataset = {
    ...train,
    async read(indices, target, view) {
      await train.read(indices, target, view);
      for (let i = 0; i < target.length; i++) target[i] = 255 - (target[i] as number);
    },
  };
  const first = await distil({ cache });
  const inverted = await distil({ cache, train: changed });
  expect(inverted.lines[0]).toContain('holds other values than the teacher computes here');
  expectSame(inverted, await distil({ train: changed }));
  expect(inverted.tracked).not.toEqual(first.tracked);
});

test("the training builds only the teacher's head", async () => {
  const names: string[] = [];
  const { dispose } = State.prototype;
  const spy = jest.spyOn(State.prototype, 'dispose').mockImplementation(function (this: State) {
    if (this.all('slot').length > 0) names.push(...this.all().map(({ name }) => name));
    dispose.call(this);
  });
  await distil({ cache: temporaryFolder() });
  spy.mockRestore();
  expect(names).toContain('student/conv1.weight');
  expect(names.filter((name) => name.startsWith('distilled-teacher/'))).toEqual([
    'distilled-teacher/head.weight',
    'distilled-teacher/head.bias',
  ]);
});

describe('a cache that nobody asked for', () => {
  const isOptional = true;

  test('is used where each augmented copy is seen at least twice, with the same bits', async () => {
    for (const [epochs, files] of [
      [3, 0],
      [4, 4],
    ] as const) {
      const cache = temporaryFolder();
      expectSame(await distil({ cache, isOptional, settings: { epochs } }), await distil({ settings: { epochs } }));
      expect(readdirSync(cache)).toHaveLength(files === 0 ? 0 : 1);
      if (files > 0) expect(shardsIn(cache)).toHaveLength(files);
    }
  });

  test.each<[string, StudentOptions]>([
    ['images that are cropped at random', { augment: crops }],
    ['mixed images', { method: 'kd', settings: { epochs: 8, mixup: 0.4 } }],
    ['feature maps', { method: 'at' }],
    ['micro-batches of one image', { settings: { epochs: 8, accumulate: 4 } }],
  ])('is left out for %s', async (_, options) => {
    const cache = temporaryFolder();
    await distil({ settings: { epochs: 8 }, ...options, cache, isOptional });
    expect(readdirSync(cache)).toEqual([]);
  });

  test('is computed again where a single bit differs, and read with another number of threads', async () => {
    const cache = temporaryFolder();
    const settings = { epochs: 2 };
    const run = { cache, isOptional, settings, augment: {} };
    const first = await distil(run);
    const files = shardsIn(cache);
    const whole = contents(files);
    changeLastBit(files[0] as string);
    const again = await distil(run);
    expectSame(again, first);
    expect(again.lines[0]).toContain('holds other values than the teacher computes here');
    expect(contents(files)).toEqual(whole);
    const before = process.env.HEADSHARE_THREADS;
    process.env.HEADSHARE_THREADS = '7';
    const read = await distil(run);
    if (before === undefined) delete process.env.HEADSHARE_THREADS;
    else process.env.HEADSHARE_THREADS = before;
    expect(read.lines[0]).toContain('embeddings read from');
    expect(readdirSync(cache)).toHaveLength(1);
  });
});

test('no tensor is leaked', async () => {
  await distil({ cache: temporaryFolder() });
  const allocated = () => ({ tensors: tf.memory().numTensors, handles: backend().binding.getNumOfTensors() });
  const before = allocated();
  const cache = temporaryFolder();
  await distil({ cache });
  await distil({ cache });
  expect(allocated()).toEqual(before);
});

describe('the cache refuses', () => {
  test('augmentation that never repeats', async () => {
    await expect(distil({ cache: temporaryFolder(), augment: crops })).rejects.toThrow(
      '--teacher-cache: training crops the images of train at random, so no embedding could be used twice; --teacher-views=8 shows eight augmented copies of each image in turn, --teacher-cache=off runs the teacher in every step.',
    );
  });

  test('mixed images', async () => {
    const cache = temporaryFolder();
    await expect(distil({ cache, method: 'kd', settings: { mixup: 0.4 } })).rejects.toThrow(
      '--teacher-cache does not work with --mixup',
    );
  });

  test.each(['at', 'simkd', 'fsp', 'ab'])('%s, which uses feature maps', async (method) => {
    const cache = temporaryFolder();
    await expect(distil({ cache, method })).rejects.toThrow(
      `--teacher-cache: ${method} uses the teacher's feature maps`,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  test("embeddings beyond float16's range", async () => {
    const { tensors, metadata } = readCheckpoint(teacher);
    const name = [...tensors.keys()].filter((key) => key.includes('bn') && key.endsWith('.weight')).at(-1) as string;
    const scale = tensors.get(name) as NamedValues;
    const file = join(temporaryFolder(), 'huge.safetensors');
    const huge = new Map(tensors).set(name, { ...scale, values: scale.values.map(() => 1e7) });
    writeCheckpoint(file, { tensors: huge, metadata });
    await expect(distil({ teacher: file, cache: temporaryFolder(), type: 'float16' })).rejects.toThrow(
      /^--teacher-cache=float16: the teacher's embeddings contain [\d.]+, beyond float16's largest number 65504\. Use --teacher-cache=float32\.$/,
    );
  });
});
