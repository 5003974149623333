import { tinyMethod, tinyNetwork } from '../../test/tiny-training';
import type { ChosenMethod } from '../distill/combine-methods';
import { buildNetwork } from '../nn/network';
import { shapeOf } from '../nn/network-shape';
import { Scope } from '../nn/scope';
import { Program } from '../runtime/program';
import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor, tf } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { stepContext, studentForward, teacherForward } from './forward';
import { type StepBatch, stepFeed } from './micro-batches';
import { type SgdOptions, sgd } from './optimiser/optimiser';
import { averageOf, startAverage } from './optimiser/weight-average';
import { classSampler, sampledHeads } from './partial-fc';
import type { SliceRange } from './slices';
import { makeTrainingStep, type StepReport } from './step';
import type { Reduction } from './sums';

const [slices, images, count, classes] = [4, 4, 48, 40];
const batchSize = slices * images;
const labels = Int32Array.from({ length: count }, (_, i) => (i * 7) % classes);
const bytes = 16 * 16 * 3;

interface Kind {
  readonly method?: ChosenMethod;
  readonly head?: string;
  readonly classShare?: number;
  readonly options?: SgdOptions;
  readonly average?: boolean;
  readonly mix?: boolean;
  readonly recompute?: boolean;
  readonly bucketBytes?: number;
  readonly eager?: boolean;
  readonly accumulate?: number;
  readonly reduction?: Reduction;
}

/** The batch of a step: noise that the class shifts. Without the images of other slices. */
function batchOf(step: number, range?: SliceRange): StepBatch {
  const indices = Int32Array.from({ length: batchSize }, (_, i) => (step * batchSize + i * 7) % count);
  const all = new Uint8Array(batchSize * bytes);
  for (const [row, index] of indices.entries()) {
    const random = stream(1, 'image', index);
    for (let i = 0; i < bytes; i++) all[row * bytes + i] = random.below(120) + (i % 3) * ((labels[index] ?? 0) % 20);
  }
  const own = range && all.subarray(range.from * images * bytes, range.to * images * bytes);
  return {
    images: own ?? all,
    labels: indices.map((index) => labels[index] ?? 0),
    indices,
    ...(range && { slices: range }),
  };
}

/** What a process trains with. */
function worker(kind: Kind) {
  const { method = tinyMethod('none'), head = 'linear', classShare = 1, recompute = false, accumulate = slices } = kind;
  const state = new State();
  const program = new Program(state, { eager: kind.eager ?? true });
  const classRows = classShare < 1;
  const of = (root: string, width: number, seed: number) =>
    buildNetwork(state, root, { ...tinyNetwork(width, classes), head, scale: 8 }, seed, { recompute, classRows });
  const student = of('student', 0.25, 1);
  const learnedByStudent = state.all('trainable');
  const teacher = of('teacher', 0.25, 2);
  const loss = method.build({
    scope: Scope.root(state, 'method', 1),
    student: shapeOf(student),
    teacher: shapeOf(teacher),
    labels,
    classes,
  });
  const own = state.all('trainable').filter(({ name }) => name.startsWith('method/'));
  const statistics = state.all('statistic').filter(({ name }) => !name.startsWith('teacher/'));
  let average: ((share: Tensor) => void) | undefined;
  if (kind.average) {
    buildNetwork(state, averageOf('student'), student.description, undefined);
    average = startAverage(state, student.variables());
  }
  const optimiser = sgd(state, [...learnedByStudent, ...own], {
    momentum: 0.9,
    weightDecay: 1e-3,
    ...kind.options,
    slices: accumulate,
  });
  const parts = {
    batchSize,
    accumulate,
    size: 16,
    seed: 3,
    labelSmoothing: 0.1,
    mix: kind.mix ? { mixup: 0.3, cutmix: 0.5, mixProbability: 1, mixSwitchProbability: 0.5 } : undefined,
    student,
    teacher,
    loss,
    needs: method.needs,
    optimiser,
    statistics,
    average,
    ...(classRows && {
      partialFc: {
        ...classSampler({ classes, share: classShare, batchSize, seed: 1 }),
        ...sampledHeads(student, teacher, false),
      },
    }),
    reduction: kind.reduction,
    bucketBytes: kind.bucketBytes,
  };
  const step = makeTrainingStep(program, parts);
  return {
    ...{ state, program, parts, step, statistics },
    train: (number: number, range?: SliceRange) =>
      step(batchOf(number, range), { learningRate: 0.05, averageShare: 0.1, step: number }),
    values() {
      program.pull();
      return state.values((entry) => !entry.name.startsWith('teacher/'));
    },
    dispose() {
      program.dispose();
      state.dispose();
    },
  };
}

type Values = ReadonlyMap<string, NamedValues>;
const bits = (values: Values) =>
  [...values].map(([name, one]) => `${name} ${Buffer.from(one.values.buffer).toString('base64')}`);

/** Three steps in one process. */
async function alone(kind: Kind) {
  const { train, values, dispose } = worker(kind);
  const reports: StepReport[] = [];
  for (let step = 0; step < 3; step++) reports.push(await train(step));
  const last = values();
  dispose();
  return { reports, values: last };
}

/** The sums of a process's slices: pairs of vectors, and the slices' own values. */
interface Gathered {
  readonly pairs: readonly (readonly [hi: Float32Array, lo: Float32Array])[];
  readonly own: Float32Array;
}

/** Three steps in simulated processes: each computes its share twice, first for the others and then with their sums. */
async function together(kind: Kind, shares: readonly SliceRange[]) {
  let gathered: Gathered[] = [];
  let total: { readonly sums: readonly Float32Array[]; readonly own: Float32Array } | undefined;
  const read = (x: Tensor) => Float32Array.from(x.dataSync());
  const reduction: Reduction = {
    inputs: {},
    values: () => ({}),
    sum(pairs) {
      if (total) return total.sums.map((values) => tf.tensor1d(values));
      gathered.push({ pairs: pairs.map(({ hi, lo }) => [read(hi), read(lo)]), own: new Float32Array() });
      return pairs.map(({ hi }) => hi);
    },
    merge(own) {
      if (total) return tf.tensor1d(total.own);
      gathered.push({ ...(gathered.pop() as Gathered), own: read(own) });
      return own;
    },
  };
  const workers = shares.map((share) => ({ share, ...worker({ ...kind, reduction, eager: true }) }));
  const reports: StepReport[][] = [];
  for (let step = 0; step < 3; step++) {
    [gathered, total] = [[], undefined];
    for (const { share, train, state } of workers) {
      const before = state.values();
      await train(step, share);
      state.load(before, 'here');
    }
    const [first] = gathered as [Gathered];
    const sumOf = (at: (one: Gathered, i: number) => number, length: number) =>
      Float32Array.from({ length }, (_, i) => gathered.reduce((sum, one) => sum + at(one, i), 0));
    total = {
      sums: first.pairs.map(([{ length }], bucket) =>
        sumOf(({ pairs }, i) => (pairs[bucket]?.[0][i] ?? 0) + (pairs[bucket]?.[1][i] ?? 0), length),
      ),
      own: sumOf(({ own }, i) => own[i] ?? 0, first.own.length),
    };
    reports.push(await Promise.all(workers.map(({ share, train }) => train(step, share))));
  }
  const values = workers.map((one) => bits(one.values()));
  for (const { dispose } of workers) dispose();
  return { reports, values };
}

const kinds: [string, Kind][] = [
  ['cross-entropy', {}],
  [
    'crd under AdaFace, clipped, averaged',
    { method: tinyMethod('crd'), head: 'adaface', options: { clipNorm: 1 }, average: true },
  ],
  ['class-share', { head: 'arcface', classShare: 0.5, options: { clipNorm: 1 } }],
  [
    'l2e, mixup, a loss scale and recomputed blocks',
    { method: tinyMethod('l2e'), mix: true, recompute: true, options: { lossScale: {} } },
  ],
  ['ft, whose modules have batch norm', { method: tinyMethod('ft') }],
];

describe.each(kinds)('%s', (_, kind) => {
  let whole: ReturnType<typeof alone>;
  beforeAll(async () => {
    whole = alone(kind);
    await whole;
  });

  test('shares of 2 + 2 and 1 + 3 slices give the bits of one process', async () => {
    const one = await whole;
    const own = bits(one.values);
    for (const shares of [
      [
        { from: 0, to: 2 },
        { from: 2, to: 4 },
      ],
      [
        { from: 1, to: 4 },
        { from: 0, to: 1 },
      ],
    ]) {
      const { values, reports } = await together({ ...kind, bucketBytes: 1000 }, shares);
      for (const each of values) {
        // Buckets of another size have other names.
        const without = (lines: readonly string[]) => lines.filter((line) => !line.startsWith('slices/'));
        expect(without(each)).toEqual(without(own));
      }
      expect(reports).toEqual(one.reports.map((report) => shares.map(() => report)));
    }
  });

  test('compiled steps give the bits of eager ones, and leave no sums', async () => {
    const eager = await whole;
    const compiled = await alone({ ...kind, eager: false });
    expect(compiled.reports).toEqual(eager.reports);
    expect(bits(compiled.values)).toEqual(bits(eager.values));
    for (const [name, { values }] of compiled.values) {
      if (name.startsWith('slices/')) expect(values.every((value) => value === 0)).toBe(true);
    }
  });
});

test('a step is what its slices compute from the state at its start', async () => {
  const kind: Kind = { method: tinyMethod('crd'), head: 'adaface' };
  const sliced = worker(kind);
  const start = sliced.values();
  await sliced.train(0);
  const after = sliced.values();

  // One slice at a time, as the only one of a step, always from the same state.
  const { state, parts, statistics } = worker({ ...kind, accumulate: 1 });
  const feed = stepFeed({ ...parts, accumulate: slices });
  const inState = new Set(state.all().map(({ name }) => name));
  const begin = () =>
    state.load(
      new Map([...start].filter(([name]) => inState.has(name))),
      'here',
      (one) => !one.name.startsWith('teacher/'),
    );
  const { student, teacher, loss, needs, optimiser } = parts;
  const sums = new Map<string, Float64Array>();
  const expected = new Map<string, Float64Array>();
  const running = new Map(
    statistics
      .filter(({ merge }) => merge === 'running')
      .map(({ name }) => [name, Float64Array.from(start.get(name)?.values ?? [])]),
  );
  const batch = batchOf(0);
  for (const [i, inputs] of feed.slices(batch, 0).entries()) {
    begin();
    const gradients = scoped(() => {
      const tensors = Object.entries(feed.inputs).map(([name, { dtype, shape }]) => [
        name,
        tf.tensor(
          dtype === 'uint8' ? Float32Array.from(inputs[name] ?? []) : (inputs[name] as Float32Array),
          [...shape],
          dtype === 'int32' ? 'int32' : 'float32',
        ),
      ]);
      const given = feed.batch(Object.fromEntries(tensors), 'slice');
      const computed = optimiser.gradients(() =>
        loss.terms(
          stepContext({ student, teacher }, given, {
            student: studentForward(student, given, 'train', needs),
            teacher: teacherForward(teacher, given, needs),
          }),
        ),
      );
      return new Map([...computed.gradients].map(([name, gradient]) => [name, gradient.dataSync()]));
    });
    for (const [name, gradient] of gradients) {
      const sum = sums.get(name) ?? new Float64Array(gradient.length);
      sums.set(
        name,
        sum.map((value, j) => value + (gradient[j] ?? 0)),
      );
    }
    const moved = state.values();
    for (const { name, merge, shape } of statistics) {
      const value = moved.get(name)?.values ?? new Float32Array();
      if (merge === 'first' && i === 0) expected.set(name, Float64Array.from(value));
      if (merge === 'rows') {
        const [, size = 0] = shape;
        const rows = expected.get(name) ?? Float64Array.from(start.get(name)?.values ?? []);
        for (const index of batch.indices.subarray(i * images, (i + 1) * images)) {
          rows.set(value.subarray(index * size, (index + 1) * size), index * size);
        }
        expected.set(name, rows);
      }
      // As if the slices came one after another: what this one adds, and what it keeps of the statistic so far.
      if (merge === 'running') {
        const share = name.includes('head.') ? 0.01 : 0.1;
        const before = start.get(name)?.values ?? [];
        const so = running.get(name) ?? new Float64Array();
        running.set(
          name,
          so.map((kept, j) => (1 - share) * kept + ((value[j] ?? 0) - (1 - share) * (before[j] ?? 0))),
        );
      }
    }
  }
  expect([...expected.keys()]).toHaveLength(4);
  for (const [name, values] of expected) {
    expect(Array.from(after.get(name)?.values ?? [])).toEqual(Array.from(values));
    expect(after.get(name)?.values).not.toEqual(start.get(name)?.values);
  }
  expect(running.size).toBeGreaterThan(4);
  for (const [name, values] of running) {
    const scale = Math.max(...values.map(Math.abs));
    for (const [j, value] of (after.get(name)?.values ?? []).entries()) {
      expect((value - (values[j] ?? 0)) / scale).toBeCloseTo(0, 5);
    }
  }
  begin();
  scoped(() => {
    const variables = new Map(state.all().map(({ name, shape }) => [name, shape]));
    const gradients = new Map(
      [...sums].map(([name, sum]) => [name, tf.tensor(Float32Array.from(sum), [...(variables.get(name) ?? [])])]),
    );
    parts.optimiser.update(tf.scalar(0.05), { gradients: scaledBy(1 / slices, gradients), lossScale: undefined });
  });
  const moved = state.values(({ kind: of, name }) => of !== 'statistic' && !name.startsWith('teacher/'));
  for (const [name, { values }] of moved) expect(after.get(name)?.values).toEqual(values);
  sliced.dispose();
  state.dispose();
});

const scaledBy = (factor: number, gradients: ReadonlyMap<string, Tensor>) =>
  new Map([...gradients].map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
