import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesIn,
  removeTemporaryFolders,
  stopTiny,
  type TinyRun,
  temporaryFolder,
  tinyImages,
  tinyNetwork,
  tinySettings,
  tinyTask,
  trainTiny,
} from '../../test/tiny-training';
import { checkpointFiles, type NetworkMetadata, readCheckpoint, writeCheckpoint } from './checkpoint';
import { type ClassificationData, classificationTask } from './evaluation/classification-task';
import type { Metrics } from './evaluation/metrics';
import { stepsBetweenPoints } from './loop';
import { previousOf } from './resume-point';

afterAll(removeTemporaryFolders);

function flipBit(bytes: Buffer): Buffer {
  const at = bytes.length - 21;
  return Buffer.concat([bytes.subarray(0, at), Buffer.of((bytes[at] as number) ^ 4), bytes.subarray(at + 1)]);
}

test('writes the last network, the best, and a checkpoint for resuming', async () => {
  const { folder, files, tracked, lines, ...outcome } = await trainTiny({ settings: { epochs: 3 } });
  expect(readdirSync(folder).sort()).toEqual([
    'best.safetensors',
    'last.safetensors',
    'test-predictions.safetensors',
    'training.previous.safetensors',
    'training.safetensors',
  ]);
  expect(files).toEqual(['last.safetensors', 'best.safetensors', 'test-predictions.safetensors']);
  const last = readCheckpoint<NetworkMetadata>(join(folder, checkpointFiles.last));
  const best = readCheckpoint<NetworkMetadata>(join(folder, checkpointFiles.best));
  const training = readCheckpoint(join(folder, checkpointFiles.training));
  expect(last.metadata).toEqual({ network: tinyNetwork(), epoch: 3, metrics: outcome.last });
  expect(best.metadata).toEqual({ network: tinyNetwork(), epoch: outcome.bestEpoch, metrics: outcome.best });
  expect(training.metadata).toEqual({
    epoch: 3,
    batch: 0,
    step: 12,
    sums: {},
    trainLoss: outcome.trainLoss,
    best: { metrics: outcome.best, epoch: outcome.bestEpoch },
  });
  expect([...training.tensors.keys()].filter((name) => name.startsWith('student/'))).toEqual(
    [...last.tensors.keys()].map((name) => `student/${name}`),
  );
  // The loss of the last epoch, as it is logged.
  expect(outcome.trainLoss).toBe(tracked.at(-1)?.values['train/loss']);
  const top1 = tracked.flatMap(({ values }) => (values.top1 === undefined ? [] : [values.top1]));
  expect(Math.max(...top1)).toBe(outcome.best.top1);
  expect(top1.indexOf(outcome.best.top1 ?? -1) + 1).toBe(outcome.bestEpoch);
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatch(/^student: epoch 3\/3, loss \d\.\d{3}, top1 \d\.\d{4}$/);
});

describe('the best epoch', () => {
  const learn = (more: Partial<ClassificationData>) => {
    const images = { train: tinyImages('train', 16), test: tinyImages('test', 6) };
    return trainTiny({ task: classificationTask({ ...images, ...more }), settings: { epochs: 4, evaluateEvery: 1 } });
  };
  const byEpoch = ({ tracked }: TinyRun, metric: string) =>
    tracked.flatMap(({ values }) => (values[metric] === undefined ? [] : [values[metric]]));

  test('is chosen on held-out images; test metrics are reported too', async () => {
    const run = await learn({ heldOut: tinyImages('held', 12) });
    const [onHeldOut, onTest] = [byEpoch(run, 'held_out/top1'), byEpoch(run, 'top1')];
    expect(onHeldOut).toHaveLength(4);
    expect(run.bestEpoch).toBe(onHeldOut.indexOf(Math.max(...onHeldOut)) + 1);
    expect(run.best.top1).toBe(onTest[run.bestEpoch - 1]);
    expect(run.best['held_out/top1']).toBe(Math.max(...onHeldOut));
    expect(run.lines[0]).toMatch(/, top1 \d\.\d{4}, held_out\/top1 \d\.\d{4}$/);
    expect(byEpoch(await learn({}), 'top1')).toEqual(onTest);
  });

  test('is the last one if selectOn is "last"', async () => {
    const { best, bestEpoch, last, folder } = await learn({ selectOn: 'last' });
    expect({ best, bestEpoch }).toEqual({ best: last, bestEpoch: 4 });
    const { [checkpointFiles.best]: chosen, [checkpointFiles.last]: latest } = bytesIn(folder);
    expect(chosen).toBe(latest);
  });
});

test('logs terms and learning rate by step, means and metrics by epoch', async () => {
  const { tracked } = await trainTiny({ settings: { epochs: 1, warmUpEpochs: 0, schedule: 'polynomial' } });
  const steps = tracked.slice(0, 4).map(({ values }) => values);
  expect(steps.map((values) => values['step/learning_rate'])).toEqual(
    [0.05, 0.0375, 0.025, 0.0125].map((rate) => expect.closeTo(rate, 12)),
  );
  const { values, step } = tracked[4] as (typeof tracked)[number];
  expect(step).toBe(4);
  expect(values).toMatchObject({ epoch: 1, top1: expect.any(Number), top5: 1, ece: expect.any(Number) });
  const mean = steps.reduce((sum, one) => sum + (one['step/loss'] ?? 0), 0) / 4;
  expect(values['train/loss']).toBeCloseTo(mean, 12);
});

test('logs images per second and the wait for data by epoch, and in long epochs also every hundred steps', async () => {
  const logged: Metrics[] = [];
  const tracker = { metrics: (values: Metrics) => logged.push(values), flush: async () => undefined };
  await trainTiny({ task: tinyTask(404), settings: { epochs: 2 }, tracker });
  const loggedUnder = (name: string) =>
    logged.flatMap((values, i) => (values[name] === undefined ? [] : [[i, values[name]]]));
  const positive = expect.any(Number);
  // An epoch has 101 steps, and its metrics follow the last one. The very first step compiles, so it is not counted.
  expect(loggedUnder('step/images_per_second')).toEqual([
    [100, positive],
    [201, positive],
  ]);
  expect(loggedUnder('train/images_per_second')).toEqual([
    [101, positive],
    [203, positive],
  ]);
  expect(loggedUnder('train/data_wait_share').map(([i]) => i)).toEqual([101, 203]);
  expect(loggedUnder('step/learning_rate')).toHaveLength(202);
});

test('evaluates every few epochs, and after the last', async () => {
  const { tracked, lines } = await trainTiny({ settings: { epochs: 3, evaluateEvery: 2 } });
  expect(tracked.flatMap(({ values }) => (values.top1 === undefined ? [] : [values.epoch]))).toEqual([2, 3]);
  expect(lines[0]).toMatch(/^student: epoch 1\/3, loss \d\.\d{3}$/);
});

describe('the same seed gives the same bits', () => {
  const inFreshProcess = (seed: number): Record<string, string> => {
    const folder = temporaryFolder();
    const script = `require(${JSON.stringify(join(__dirname, '../../test/tiny-training'))}).trainTiny({ folder: ${JSON.stringify(folder)}, settings: { seed: ${seed} } })`;
    execFileSync(process.execPath, ['-r', join(__dirname, '../../register.cjs'), '-e', script], {
      cwd: join(__dirname, '../..'),
    });
    return bytesIn(folder);
  };

  test('in two fresh processes and in this one; another seed gives other bits', async () => {
    const first = inFreshProcess(1);
    expect(Object.keys(first)).toHaveLength(4);
    expect(inFreshProcess(1)).toEqual(first);
    expect(bytesIn((await trainTiny()).folder)).toEqual(first);
    const other = bytesIn((await trainTiny({ settings: { seed: 2 } })).folder);
    for (const [name, bytes] of Object.entries(other)) expect(bytes).not.toBe(first[name]);
  });
});

describe('a stopped run', () => {
  test.each([
    ['in the middle of the first epoch', 2, {}],
    ['after the last batch of an epoch', 4, {}],
    ['in the second epoch', 6, {}],
    ['in the second epoch of an eager run', 6, { eager: true }],
    ['with averaged weights', 6, { settings: { emaDecay: 0.9, emaWarmUp: true } }],
    ['with micro-batches', 3, { settings: { accumulate: 2 } }],
  ])('resumes to the same bits: %s', async (_, stop, options) => {
    const whole = await trainTiny(options);
    const folder = await stopTiny(stop, options);
    expect(readCheckpoint(join(folder, checkpointFiles.training)).metadata).toMatchObject({ step: stop });
    const resumed = await trainTiny({ ...options, folder });
    expect(bytesIn(folder)).toEqual(bytesIn(whole.folder));
    expect({ ...resumed, imagesPerSecond: 0 }).toMatchObject({
      last: whole.last,
      best: whole.best,
      bestEpoch: whole.bestEpoch,
      trainLoss: whole.trainLoss,
    });
    expect(resumed.lines[0]).toBe(`student: resuming after step ${stop} (epoch ${stop > 4 ? 2 : 1})`);
    expect(resumed.tracked[0]?.step).toBe(stop % 4 === 0 ? stop : stop + 1);
  });

  test('that had completed its last epoch only finishes', async () => {
    const { folder, last, best, trainLoss } = await trainTiny();
    const again = await trainTiny({ folder });
    expect({ last: again.last, best: again.best, trainLoss: again.trainLoss }).toEqual({ last, best, trainLoss });
    expect(again.tracked).toEqual([]);
  });

  test("cannot resume from another network's checkpoint", async () => {
    const folder = await stopTiny(2);
    await expect(trainTiny({ folder, network: tinyNetwork(0.5) })).rejects.toThrow(
      `${join(folder, 'training.safetensors')} does not fit the network: student/conv1.weight is [3,3,3,4] there but [3,3,3,8] in the network;`,
    );
  });

  test('cannot resume from a file without progress', async () => {
    const folder = await stopTiny(2);
    const file = join(folder, checkpointFiles.training);
    writeCheckpoint(file, { ...readCheckpoint(file), metadata: { epoch: 'one' } });
    await expect(trainTiny({ folder })).rejects.toThrow(
      `${file} does not record the training's progress; remove it to train from the beginning.`,
    );
  });
});

describe('checkpoints within an epoch', () => {
  test('are written when the last one is old enough', async () => {
    const folder = temporaryFolder();
    const found: string[] = [];
    const stepOf = (file: string) => readCheckpoint<{ step: number }>(join(folder, file)).metadata.step;
    const look = () => {
      const files = [checkpointFiles.training, previousOf(checkpointFiles.training)];
      found.push(files.map((file) => (existsSync(join(folder, file)) ? stepOf(file) : '-')).join(' '));
    };
    await trainTiny({ folder, settings: { epochs: 1, checkpointMinutes: 0 }, onMetrics: look });
    // Read when each of the four steps and the epoch log their metrics.
    expect(found).toEqual(['- -', '1 -', '2 1', '3 2', '3 2']);
    expect(stepOf(checkpointFiles.training)).toBe(4);
  });

  test('do not change the result', async () => {
    const often = await trainTiny({ settings: { checkpointMinutes: 0 } });
    expect(bytesIn(often.folder)).toEqual(bytesIn((await trainTiny()).folder));
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2), 'the bytes of'],
    ['changed in a single bit', flipBit, 'its content does not match its checksum'],
    ['empty', () => Buffer.alloc(0), 'it has 0 bytes'],
  ])('fall back on the previous one if the last is %s', async (_, damage, why) => {
    const folder = await stopTiny(6);
    const file = join(folder, checkpointFiles.training);
    writeFileSync(`${file}.damaged`, damage(readFileSync(file)));
    // Replaces the file instead of overwriting it: the previous checkpoint may be a hard link to it.
    renameSync(`${file}.damaged`, file);
    const resumed = await trainTiny({ folder });
    expect(resumed.lines[0]).toContain(`student: The checkpoint ${file} is damaged: ${why}`);
    expect(resumed.lines[0]).toMatch(/ Resuming from the one before it\.$/);
    expect(resumed.lines[1]).toBe('student: resuming after step 4 (epoch 2)');
    expect(bytesIn(folder)).toEqual(bytesIn((await trainTiny()).folder));
  });

  test('end the run with one sentence if both are damaged', async () => {
    const folder = await stopTiny(6);
    const file = join(folder, checkpointFiles.training);
    for (const name of [file, previousOf(file)]) writeFileSync(name, 'nothing');
    await expect(trainTiny({ folder })).rejects.toThrow(`The checkpoint ${previousOf(file)} is damaged: `);
  });
});

describe('when training diverges', () => {
  test('the error gives the loss, and the last good checkpoint remains', async () => {
    const { folder } = await trainTiny({ settings: { epochs: 1 } });
    const copy = temporaryFolder();
    for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
    const settings = { epochs: 2, learningRate: 1e30, clipNorm: 0, schedule: 'multi-step', warmUpEpochs: 0 } as const;
    await expect(trainTiny({ folder, settings })).rejects.toThrow(
      /^The loss is no longer a number \(loss NaN, ce NaN; learning rate 1\S*e\+2\d\) at step \d of epoch 2\. Lower --learning-rate, or bound the gradients with --clip-norm; the last good checkpoint is kept\.$/,
    );
    expect(bytesIn(folder)).toEqual(bytesIn(copy));
  });

  test('weights that are not finite are not saved, even after a finite loss', async () => {
    const folder = temporaryFolder();
    const settings = { epochs: 1, learningRate: 1e38, weightDecay: 1e3, clipNorm: 0, warmUpEpochs: 0 };
    await expect(trainTiny({ folder, task: tinyTask(4), settings })).rejects.toThrow(
      'The values of student/conv1.weight are no longer numbers at step 1 of epoch 1.',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('an average of the weights', () => {
  const settings = { emaDecay: 0.5 };
  const tensors = (folder: string, file: string) => readCheckpoint(join(folder, file)).tensors;

  test('is evaluated, saved and used to choose the best epoch; the training checkpoint holds both', async () => {
    const { folder } = await trainTiny({ settings });
    const last = tensors(folder, checkpointFiles.last);
    const training = tensors(folder, checkpointFiles.training);
    expect(last.get('bn1.running_mean')?.values).not.toEqual(new Float32Array(4));
    for (const [name, value] of last) {
      expect(training.get(`average/student/${name}`)).toEqual(value);
      expect(training.get(`student/${name}`)?.values).not.toEqual(value.values);
    }
    // `finish` uses the average too; the weights themselves equal the weights of a run without an average.
    const plain = await trainTiny();
    const confidence = (of: string) => tensors(of, 'test-predictions.safetensors').get('confidence')?.values;
    expect(confidence(folder)).not.toEqual(confidence(plain.folder));
    expect(tensors(plain.folder, checkpointFiles.training).get('student/conv1.weight')).toEqual(
      training.get('student/conv1.weight'),
    );
  });

  test('is half old and half new weights after the first step; with a warm-up, a tenth old', async () => {
    const weights = async (more: object) => {
      const folder = temporaryFolder();
      await trainTiny({ folder, task: tinyTask(4), settings: { epochs: 1, warmUpEpochs: 0, ...more } });
      return tensors(folder, checkpointFiles.last).get('conv1.weight')?.values ?? new Float32Array();
    };
    const after = await weights({});
    const before = await weights({ learningRate: 1e-30 });
    const mixed = (share: number) => Array.from(after, (value, i) => share * value + (1 - share) * (before[i] ?? 0));
    const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6));
    expect(Array.from(await weights(settings))).toEqual(near(mixed(0.5)));
    expect(Array.from(await weights({ ...settings, emaWarmUp: true }))).toEqual(near(mixed(0.9)));
  });
});

test('micro-batches leave no sums in checkpoints; the norm before clipping is logged by step', async () => {
  const { folder, tracked, lines } = await trainTiny({ settings: { accumulate: 2, epochs: 1 } });
  expect(lines).toContain(
    'student: batch norm sees 2 images at a time (--batchSize=4, --accumulate=2); below 16 its statistics are noisy',
  );
  const names = [...readCheckpoint(join(folder, checkpointFiles.training)).tensors.keys()];
  expect(names.filter((name) => name.startsWith('slices/'))).toEqual([]);
  expect(tracked.map(({ values }) => Object.keys(values).filter((name) => name.endsWith('gradient_norm')))).toEqual([
    ...Array.from({ length: 4 }, () => ['step/gradient_norm']),
    [],
  ]);
  await expect(trainTiny({ settings: { accumulate: 3 } })).rejects.toThrow('--accumulate 3 does not divide');
});

test('a batch larger than the data is refused', async () => {
  await expect(trainTiny({ task: tinyTask(3) })).rejects.toThrow(
    `--batchSize ${tinySettings.batchSize} is more than the 3 training images.`,
  );
});

test.each([
  [1, 1],
  [10_000, 1],
  [10_001, 2],
  // 240 epochs of CIFAR-100 in batches of 64, 100 epochs of ImageNet in batches of 256.
  [240 * 781, 19],
  [100 * 5004, 51],
])('a training of %i steps logs the multiples of step %i, at most 10,000 points', (steps, every) => {
  expect(stepsBetweenPoints(steps)).toBe(every);
  expect(Math.floor(steps / every)).toBeLessThanOrEqual(10_000);
});
