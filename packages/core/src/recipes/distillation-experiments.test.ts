/** All experiments of a package over tiny data, through the runner: teacher, students by each method, SH-KD, compare. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { removeTemporaryFolders, temporaryFolder, tinyTask } from '../../test/tiny-training';
import { untrackedSession } from '../../test/untracked-session';
import { checkDeclaration } from '../experiment/declaration';
import type { Stage } from '../experiment/define';
import { integer } from '../experiment/option';
import { planRun } from '../experiment/plan-run';
import { runStage } from '../experiment/run-stage';
import { resolveAll } from '../experiment/settings';
import type { NamedValues } from '../runtime/state';
import { readCheckpoint } from '../train/checkpoint';
import { distillationExperiments } from './distillation-experiments';
import type { NetworkResult } from './network-stages';

const tiny = {
  images: 12,
  batchSize: 4,
  epochs: 1,
  teacherEpochs: 1,
  student: 'resnet8',
  studentWidth: 0.25,
  teacher: 'resnet8',
  teacherWidth: 0.5,
  seeds: 2,
  methods: ['l2e', 'sh-kd'],
};

const made = distillationExperiments({
  label: 'tiny model',
  dataOptions: { images: integer({ default: 16, min: 1, help: 'to train on' }) },
  profiles: { default: tiny },
  taskOf: ({ images }) => tinyTask(images),
  imageSize: () => 16,
  methodDefaults: { l2e: { beta: 0.5 } },
  columns: [
    { title: 'top-1', metric: 'top1', digits: 3 },
    { title: 'agreement', metric: 'agreement', digits: 3 },
  ],
  chartMetrics: ['top1'],
  notes: ({ images }) => [`top-1: of 6 images, trained on ${images}`],
  async benchmark({ folder }, { folders, teacher }) {
    writeFileSync(join(folder, 'benchmark.txt'), 'a benchmark');
    const rows = Object.entries(folders).map(([name, of]) => `${name}: ${existsSync(join(of, 'last.safetensors'))}`);
    return { metrics: { 'bench/score': 0.5 }, files: ['benchmark.txt'], summary: `${rows}; taught by ${teacher}` };
  },
});

const root = temporaryFolder();
afterAll(removeTemporaryFolders);

const experiments = new Map<string, Stage>(
  Object.entries(made).map(([name, experiment]) => [
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    experiment as Stage,
  ]),
);

const tracked: string[] = [];
const session = untrackedSession({ package: 'tiny', root, experiments }, (run) => tracked.push(run));

async function run(name: string, given: Readonly<Record<string, unknown>> = {}) {
  const experiment = experiments.get(name);
  if (!experiment) throw new Error(`no ${name}`);
  const { run: finished, folder } = await runStage(experiment, { profile: 'default', given }, session);
  return { result: finished.result as NetworkResult, folder };
}

const headOf = (folder: string): [string, NamedValues][] =>
  [...readCheckpoint(join(folder, 'last.safetensors')).tensors].filter(([name]) => name.startsWith('head.'));

test('their declarations are valid', () => {
  expect([...experiments.keys()]).toEqual([
    'student',
    'teacher',
    'teacher-student-head',
    'distill-student-head',
    'distill',
    'compare',
    'sweep',
  ]);
  for (const [name, experiment] of experiments) checkDeclaration(name, experiment, experiments);
});

test.each(['kd', 'th-kd', 'rkd'])('distill --method=%s trains the teacher once, then a student', async (method) => {
  const { result, folder } = await run('distill', { method });
  expect(result.metrics).toMatchObject({
    top1: expect.any(Number),
    top5: 1,
    mean_per_class: expect.any(Number),
    ece: expect.any(Number),
    agreement: expect.any(Number),
    'head/cosine_mean': expect.any(Number),
    'bench/score': 0.5,
  });
  expect(result.summary).toContain(`\n\nteacher: true,student, ${method}: true; taught by teacher`);
  expect(result.files).toContain('head-cosines.png');
  expect(result.network).toMatchObject({ backbone: 'resnet8', width: 0.25, inputSize: 16, classes: 4 });
  expect(result.summary).toContain(`student, ${method}`);
  expect(result.summary).toContain('top-1: of 6 images, trained on 12');
  expect(result.metrics).toMatchObject({ 'best/epoch': 1, 'best/top1': result.metrics.top1 });
  expect(result.selectedOn).toBe('test');
  expect(result.files).toContain('per-class.csv');
  for (const file of result.files ?? []) expect(readdirSync(folder)).toContain(file);
  expect(tracked.filter((line) => line.startsWith('teacher'))).toHaveLength(1);
});

test('training options that exclude each other are refused before anything runs', async () => {
  const given = { batchSize: 4, accumulate: 3 };
  for (const name of ['student', 'teacher', 'teacher-student-head', 'distill-student-head', 'distill', 'compare']) {
    await expect(run(name, given)).rejects.toThrow('--accumulate 3 does not divide --batchSize 4');
  }
});

test('averages and micro-batches reach teacher and student', async () => {
  const { result } = await run('distill', { accumulate: 2, emaDecay: 0.9, emaWarmUp: true });
  expect(result.metrics.agreement).toBeGreaterThanOrEqual(0);
  const teacher = async (options: Readonly<Record<string, unknown>>) => headOf((await run('teacher', options)).folder);
  const averaged = await teacher({ accumulate: 2, emaDecay: 0.9, emaWarmUp: true });
  expect(averaged).not.toEqual(await teacher({ accumulate: 2 }));
  expect(averaged).not.toEqual(await teacher({ emaDecay: 0.9, emaWarmUp: true }));
});

test('--recompute reaches teacher and student, and gives the same bits', async () => {
  const elsewhere = { ...session, runs: join(root, 'elsewhere') };
  const settings = { profile: 'default', given: { recompute: true } };
  const again = await runStage(made.distill as Stage, settings, elsewhere);
  expect(again.reused).toBe(false);
  expect(headOf(again.folder)).toEqual(headOf((await run('distill')).folder));
});

test('a run is found again under other values of options that change no result', async () => {
  const { folder } = await run('distill');
  for (const given of [
    { teacherCacheDir: 'other' },
    { checkpointMinutes: 0 },
    { recompute: true },
    { workerPatience: 3 },
  ]) {
    const plan = await planRun(made.distill as Stage, { profile: 'default', given }, session);
    expect([given, plan.folder]).toEqual([given, folder]);
  }
});

test('mixing, label smoothing and initial weights reach teacher and student', async () => {
  const { folder: first } = await run('teacher');
  const initial = join(first, 'last.safetensors');
  const mixed = { mixup: 0.4, cutmix: 1, labelSmoothing: 0.1 };
  const plain = await run('distill');
  const changed = await run('distill', mixed);
  expect(headOf(changed.folder)).not.toEqual(headOf(plain.folder));
  // At this learning rate no weight changes: the teacher ends as it began.
  const still = { teacherInitial: initial, teacherLearningRate: 1e-30, teacherBackboneRate: 0.1 };
  const { folder } = await run('teacher', still);
  expect(headOf(folder)).toEqual(headOf(first));
  const student = await run('student', { studentInitial: initial, studentWidth: 0.5, learningRate: 1e-30 });
  expect(headOf(student.folder)).toEqual(headOf(first));
  await expect(run('student', { studentInitial: initial })).rejects.toThrow('holds resnet8 of width 0.5');
});

test('mixed images exclude some values of --sh-method, for sh-kd alone', async () => {
  const given = { shMethod: 'crd', mixup: 0.4 };
  const refusal = 'crd remembers the embedding of every training image';
  await expect(run('distill-student-head', given)).rejects.toThrow(refusal);
  await expect(run('distill', { ...given, method: 'crd' })).rejects.toThrow(refusal);
  expect((await run('distill', { ...given, method: 'kd' })).result.metrics.top1).toBeGreaterThanOrEqual(0);
});

test('a default of the package replaces the published weight, and an option replaces both', async () => {
  const [recipe, published, option] = await Promise.all([
    run('distill', { method: 'l2e' }),
    run('distill', { method: 'l2e', beta: 0.02 }),
    run('distill', { method: 'l2e', beta: 0.5 }),
  ]);
  expect(headOf(option.folder)).toEqual(headOf(recipe.folder));
  expect(headOf(published.folder)).not.toEqual(headOf(recipe.folder));
});

const shared =
  /The shared head has 4 classes: .*; effective rank \d\.\d of at most 4\.\n(.*rained) under the student's head/;

test('sh-kd without the teacher alone says that its loss is not known, and does not train it', async () => {
  const before = tracked.length;
  const { result } = await run('distill-student-head', { seed: 7 });
  expect(result.summary).toMatch(shared);
  expect(result.summary).toContain('under its own it is not known');
  expect(tracked.slice(before).map((line) => line.split(' ')[0])).not.toContain('teacher');
});

test("sh-kd: the teacher is trained under the first student's frozen head, and so is the new student", async () => {
  const small = await run('distill', { method: 'sh-kd' });
  const first = await run('student', { method: 'sh-kd' });
  const large = await run('teacher-student-head', { method: 'sh-kd' });
  const last = await run('distill-student-head', { method: 'sh-kd' });
  expect(headOf(large.folder)).toEqual(headOf(first.folder));
  expect(headOf(last.folder)).toEqual(headOf(first.folder));
  // The teacher's own embedding is twice as long as the head reads.
  expect(readCheckpoint<{ network: object }>(join(large.folder, 'last.safetensors')).metadata.network).toMatchObject({
    projection: 16,
  });
  expect(small.result.metrics).toEqual(last.result.metrics);
  const benchmark =
    "student alone: true,teacher, student's head: true,student, sh-kd: true; taught by teacher, student's head";
  for (const { result } of [small, last]) expect(result.summary.endsWith(`\n\n${benchmark}`)).toBe(true);
  for (const file of small.result.files ?? []) expect(readdirSync(small.folder)).toContain(file);
  expect(small.result.parameters).toBe(last.result.parameters);
  // Both teachers have finished: every table says how the shared head lies and what it costs.
  expect(large.result.head).toMatchObject({ classes: 4, embeddingSize: 16 });
  expect(large.result.head).toEqual(first.result.head);
  expect(last.result.head).toEqual(first.result.head);
  for (const { result } of [first, large, last, await run('teacher', { method: 'sh-kd' })]) {
    expect(result.metrics).toMatchObject({
      'head/class_cosine_max': expect.any(Number),
      'head/class_cosine_mean': expect.any(Number),
      'head/effective_rank': expect.any(Number),
      'train/loss': expect.any(Number),
    });
  }
  expect(small.result.summary).toMatch(shared);
  expect(small.result.summary).toMatch(/under its own \d/);
  expect(last.result.summary).toMatch(shared);
});

test.each(['own', 'initial'])('sh-kd with --student-head=%s ends with another head', async (studentHead) => {
  const first = await run('student');
  const last = await run('distill-student-head', { studentHead });
  expect(headOf(last.folder)).not.toEqual(headOf(first.folder));
});

describe('compare without --runs is a sweep', () => {
  // In this process: the processes of a sweep need a package on the disk.
  beforeAll(async () => {
    for (const seed of [1, 2]) {
      await run('student', { seed });
      for (const method of tiny.methods) await run('distill', { method, seed });
    }
  });

  test('of methods over seeds', async () => {
    const { result } = await run('compare');
    for (const row of ['teacher', "teacher, student's head", 'student alone', 'l2e', 'sh-kd'])
      expect(result.summary).toContain(row);
    expect(result.summary).toMatch(/^sh-kd: The shared head has 4 classes: .* Means over 2 seeds\.$/m);
    expect(result.summary).toMatch(
      /^sh-kd: .*rained under the student's head the teacher's training loss is [\d.]+, under its own \d.* Means over 2 seeds\.$/m,
    );
    expect((await run('sweep')).result).toEqual(result);
  });

  describe('in shards', () => {
    const shards = (count: number, given = {}) =>
      Promise.all(Array.from({ length: count }, (_, i) => run('sweep', { ...given, shard: `${i + 1}/${count}` })));
    const reportOf = (folder: string) =>
      ['report.md', 'summary.csv'].map((file) => readFileSync(join(folder, file), 'utf8'));

    test.each([2, 3])('of %d machines, whose comparison is the report of the whole sweep', async (count) => {
      const parts = await shards(count);
      const keys = parts.map(({ folder }) => basename(folder));
      for (const [i, { result, folder }] of parts.entries()) {
        expect(result.summary).toMatch(
          new RegExp(`^Shard ${i + 1}/${count}(: 5 of 10 trainings, of seed | has nothing to train)`),
        );
        expect(result.summary.split('\n').at(-1)).toBe(`npx nx run tiny:compare --runs=${keys.join(',')}`);
        expect(readdirSync(folder).filter((file) => file.startsWith('report'))).toEqual([]);
      }
      const whole = await run('sweep');
      const joined = await run('compare', { runs: keys });
      expect(joined.result.summary).toBe(whole.result.summary);
      expect(joined.result.metrics).toEqual(whole.result.metrics);
      expect(joined.result.files).toEqual(whole.result.files);
      expect(reportOf(joined.folder)).toEqual(reportOf(whole.folder));
      // In another order, with shards of another number of machines.
      const others = (await shards(5)).map(({ folder }) => basename(folder));
      expect((await run('compare', { runs: [...others, ...keys.toReversed()] })).result.summary).toBe(
        whole.result.summary,
      );
    });

    test('a comparison of some of the shards says what is missing', async () => {
      const [first] = await shards(2);
      const { summary } = (await run('compare', { runs: [basename(first?.folder ?? '')] })).result;
      expect(summary).toContain("5 of the sweep's 10 trainings are missing: --runs names only some of its shards.");
    });

    test('a shard of more machines than trainings is empty, and so is its comparison', async () => {
      const [, , , empty] = await shards(4, { experiment: 'student', seeds: 2, methods: undefined });
      expect(empty?.result.summary).toContain(
        'Shard 4/4 has nothing to train: the other shards share all 2 trainings of the sweep.',
      );
      await expect(run('compare', { runs: [basename(empty?.folder ?? '')] })).rejects.toThrow(
        'no training has finished',
      );
    });

    test('shards of different sweeps, and trainings beside them, are compared as single runs', async () => {
      const [first] = await shards(2);
      const [second] = await shards(2, { seeds: 1 });
      const student = await run('student', { seed: 2 });
      const words = [first, second, student].flatMap((one) => (one ? [basename(one.folder)] : []));
      for (const some of [words, words.slice(1), words.slice(0, 2)]) {
        const { result } = await run('compare', { runs: some });
        expect(result.summary).toMatch(/^student alone /m);
        expect(result.summary).not.toContain('missing');
      }
    });

    test('--register with a shard is refused', async () => {
      await expect(run('compare', { shard: '1/2', register: 'best' })).rejects.toThrow(
        '--register: a shard ranks no networks',
      );
    });
  });

  test('that leaves a report: tables, a page, charts', async () => {
    const { result, folder } = await run('compare');
    expect(result.files).toEqual(
      expect.arrayContaining(['report.md', 'report.html', 'summary.csv', 'runs.csv', 'comparison.svg', 'size.png']),
    );
    for (const file of result.files ?? []) expect(readdirSync(folder)).toContain(file);
  });
});

test.each([
  [{ method: 'kd', methods: ['l2e'] }, '--method is swept; give its values at one place'],
  [{ sweep: ['method=kd'], methods: ['l2e'] }, '--sweep: --method is swept twice; name all its values at one place'],
  [{ experiment: 'teacher', students: ['resnet8'] }, '--students: teacher reads no --student; leave it out'],
  [{ sweep: ['accumulate=1,3'] }, '--accumulate 3 does not divide --batchSize 4'],
  [{ sweep: ['method=kd,crdd'], methods: undefined }, "--sweep: --method: unknown method 'crdd'; did you mean 'crd'?"],
  [{ sweep: ['method=kd,crd'], methods: undefined, methodOptions: ['negative=8'] }, "'negative=8' sets no"],
  [{ sweep: ['method-options=negative=8/negatives=8'], methods: ['kd', 'crd'] }, "'negative=8' sets no"],
  [{ sweep: ['sh-method=l2e,crd'], methods: ['sh-kd'], shMethodOptions: ['negative=8'] }, "'negative=8' sets no"],
  [
    { sweep: ['mixup=0,0.4'], methods: ['sh-kd'], shMethod: 'crd' },
    'crd remembers the embedding of every training image',
  ],
])('a sweep of %j is refused before anything runs', async (given, sentence) => {
  await expect(run('sweep', given)).rejects.toThrow(sentence);
});

test('a sweep over methods is checked by combination alone, whatever the base values are', () => {
  const resolved = (given: Readonly<Record<string, unknown>>) => resolveAll(made.sweep, { profile: 'default', given });
  const sweep = { methods: undefined, sweep: ['method=kd,crd'] };
  // The base values' method is th-kd, which has no such hyperparameter.
  expect(() => resolved({ ...sweep, methodOptions: ['negatives=8'] })).not.toThrow();
  expect(() =>
    resolved({ methods: ['sh-kd'], sweep: ['sh-method=l2e,crd'], shMethodOptions: ['negatives=8'] }),
  ).not.toThrow();
  // Feature maps are not in the cache: of the base values, not of the sweep.
  expect(() => resolved({ ...sweep, shMethod: 'at', teacherCache: 'float32' })).not.toThrow();
  expect(() => resolved({ methods: ['sh-kd'], shMethod: 'at', teacherCache: 'float32' })).toThrow(
    '--teacher-cache: at',
  );
});

test('a sweep of teachers ignores methods of a profile, and refuses methods on the command line', () => {
  const { sweep } = made;
  const options = {
    ...Object.fromEntries(Object.entries(sweep.options).map(([name, { default: value }]) => [name, value])),
  };
  const check = (given: Readonly<Record<string, unknown>>) =>
    sweep.check({ ...options, ...tiny, ...given }, { profile: 'default', given });
  expect(() => check({ experiment: 'teacher' })).not.toThrow();
  expect(() => check({ experiment: 'teacher', methods: ['kd'] })).toThrow('--methods: teacher reads no --method');
});

describe('compare --runs', () => {
  const compared = async (...runs: readonly string[]) => (await run('compare', { runs })).result;
  /** Expects a refusal before the run begins: it leaves no folder and no record. */
  const refused = async (word: string, sentence: string): Promise<void> => {
    const left = () => [
      existsSync(join(root, 'runs/tiny/compare')) && readdirSync(join(root, 'runs/tiny/compare')),
      [...tracked],
    ];
    const before = left();
    await expect(compared(word)).rejects.toThrow(sentence);
    expect(left()).toEqual(before);
  };
  const place = async (name: string, given: Readonly<Record<string, unknown>>) => (await run(name, given)).folder;

  test('a row has the runs that differ in the seed alone; its name has the options that differ', async () => {
    const folders: string[] = [];
    for (const seed of [1, 2]) {
      for (const temperature of [2, 4]) folders.push(await place('distill', { method: 'kd', temperature, seed }));
      folders.push(await place('student', { seed }));
    }
    // A prefix of a key, a relative folder, absolute folders, and one run twice.
    const [first = '', second = '', ...others] = folders;
    const words = [basename(first).slice(0, 10), relative(root, second), ...others, first];
    const { summary, files } = await compared(...words);
    expect(summary).toMatch(/^student alone /m);
    expect(summary).toMatch(/^kd, temperature 2 − student alone /m);
    expect(summary).toMatch(/^kd, temperature 4 − kd, temperature 2 /m);
    expect(summary).not.toContain('kd, temperature 2 − kd, temperature 4');
    expect(summary).toContain('Mean ± standard deviation over 2 seeds');
    expect(files).toEqual(expect.arrayContaining(['report.md', 'report.html', 'runs.csv', 'comparison.png']));
    const { folder } = await run('compare', { runs: words });
    const each = readFileSync(join(folder, 'runs.csv'), 'utf8').split('\r\n').slice(1, -1);
    expect(each.map((line) => /^("[^"]+"|[^,]+),\d/.exec(line)?.[0])).toEqual([
      'student alone,1',
      'student alone,2',
      '"kd, temperature 2",1',
      '"kd, temperature 4",1',
      '"kd, temperature 2",2',
      '"kd, temperature 4",2',
    ]);
  });

  test('runs that differ in an option without effect are one row', async () => {
    const folders: string[] = [];
    for (const seed of [1, 2])
      for (const temperature of [2, 4]) folders.push(await place('distill-student-head', { temperature, seed }));
    const { summary } = await compared(...folders);
    expect(summary).toMatch(/^sh-kd, temperature 2 or 4 /m);
    expect(summary).toContain('sh-kd, temperature 2 or 4: the same networks, bit by bit.');
    expect(summary).toContain('over 2 seeds');
    // The teachers alone are not among the runs.
    expect(summary).toMatch(/^sh-kd, temperature 2 or 4: .* under its own it is not known: .* Means over 2 seeds\.$/m);
    expect(summary).not.toMatch(/^sh-kd, temperature 2 {2}/m);
  });

  test.each([
    ['nothing/there', "'nothing/there' is neither a run's folder nor its id, which has 4 to 32 digits 0-9, a-f"],
    ['.', '. has no config.json: it is no run, or one from before runs kept their options'],
  ])('%s is refused', refused);

  test('an id that neither a folder nor MLflow has is refused', async () => {
    process.env.MLFLOW_TRACKING_URI = 'http://127.0.0.1:9';
    try {
      await refused('0123456789ab', 'no run begins with 0123456789ab, in runs/ or in MLflow at http://127.0.0.1:9');
    } finally {
      delete process.env.MLFLOW_TRACKING_URI;
    }
  });

  test('an unfinished run, one of another package, and one that trained no network are refused', async () => {
    const folder = await place('student', {});
    const copy = (name: string): string => {
      cpSync(folder, join(root, name), { recursive: true });
      return join(root, name);
    };
    rmSync(join(copy('unfinished'), 'result.json'));
    await refused('unfinished', 'unfinished has not finished (no result.json)');
    const config = join(copy('foreign'), 'config.json');
    writeFileSync(config, readFileSync(config, 'utf8').replace('"tiny"', '"birds"'));
    await refused(
      'foreign',
      '--runs: foreign is a run of birds, not of tiny: numbers of different packages do not compare',
    );
    const comparison = relative(root, await place('compare', { runs: [folder] }));
    await refused(comparison, 'is no training of one network: name trainings');
  });

  test('excludes other options, which would not change finished runs', async () => {
    await expect(run('compare', { runs: ['.'], seeds: 3 })).rejects.toThrow(
      '--runs compares finished runs: leave out --seeds',
    );
  });
});
