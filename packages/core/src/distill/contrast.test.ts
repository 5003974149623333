import { Scope } from '../nn/scope';
import { randomKey } from '../runtime/ops/random';
import { Program } from '../runtime/program';
import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';
import { type ContrastOptions, contrast, fromAll, fromOtherClasses, publishedContrast } from './contrast';
import { movedRows } from './losses/contrast';
import type { ForwardOutput, StepContext } from './method';

const ints = (values: readonly number[]) => tf.tensor1d([...values], 'int32') as Tensor1D;
const key = (step: number) => randomKey(ints([5, step]));

/** Images of classes of different sizes, in shuffled order; the fourth class has no image. */
const sizes = [1, 7, 12, 0, 20];
const labels = Int32Array.from(sizes.flatMap((size, label) => Array.from({ length: size }, () => label)));
const shuffled = Int32Array.from(labels, (_, i) => labels[(i * 7) % labels.length] ?? 0);
const firstOf = (label: number) => shuffled.indexOf(label);

/** Pearson's chi-squared statistic for equal counts, in standard deviations from its expectation. */
function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  const statistic = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const freedom = counts.length - 1;
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

/** How often each image was sampled; expects that every sampled index is an image. */
const countsOf = (sampled: readonly number[]): number[] => {
  const counts = Array.from(shuffled, () => 0);
  for (const image of sampled) counts[image] = (counts[image] ?? Number.NaN) + 1;
  expect(counts).toHaveLength(shuffled.length);
  expect(counts.reduce((a, b) => a + b, 0)).toBe(sampled.length);
  return counts;
};

const negatives = 20_000;
const present = [0, 1, 2, 4];
const batchOf = (classes: readonly number[], step = 0) => ({
  labels: ints(classes),
  indices: ints(classes.map(firstOf)),
  random: key(step),
});

describe('negatives of other classes', () => {
  test("exclude the image's own class, and are uniform over all other images", () => {
    scoped(() => {
      const sample = fromOtherClasses({ labels: shuffled, classes: sizes.length }, negatives);
      const sampled = sample(batchOf(present)).arraySync() as number[][];
      expect(sampled.map((row) => row.length)).toEqual(present.map(() => negatives));
      for (const [i, row] of sampled.entries()) {
        const counts = countsOf(row);
        const own = counts.filter((_, image) => shuffled[image] === present[i]);
        const others = counts.filter((_, image) => shuffled[image] !== present[i]);
        expect(own.every((count) => count === 0)).toBe(true);
        expect(Math.abs(unevenness(others))).toBeLessThan(4);
      }
    });
  });

  test('differ by image and by step, and repeat for the same step', () => {
    scoped(() => {
      const sample = fromOtherClasses({ labels: shuffled, classes: sizes.length }, 50);
      const at = (step: number) => sample(batchOf([4, 4], step)).arraySync() as number[][];
      const [first, second] = at(0);
      expect(first).not.toEqual(second);
      expect(at(1)[0]).not.toEqual(first);
      expect(at(0)).toEqual([first, second]);
    });
  });

  test('are images even if there is only one class', () => {
    scoped(() => {
      const sample = fromOtherClasses({ labels: new Int32Array(3), classes: 1 }, 20);
      const sampled = sample({ labels: ints([0, 0]), indices: ints([0, 2]), random: key(0) }).dataSync();
      expect([...sampled].filter((image) => image < 0 || image > 2)).toEqual([]);
    });
  });
});

test('negatives of all classes are uniform over all images', () => {
  scoped(() => {
    const sampled = fromAll(shuffled.length, negatives)(batchOf(present)).arraySync() as number[][];
    for (const row of sampled) expect(Math.abs(unevenness(countsOf(row)))).toBeLessThan(4);
  });
});

const [batch, studentSize, teacherSize] = [3, 4, 6];
const options: ContrastOptions = { ...publishedContrast, dimension: 8, negatives: 10 };

/** A program that computes only the contrastive loss, on given embeddings. */
function criterion(own: ContrastOptions, eager: boolean) {
  const state = new State();
  const shape = (embeddingSize: number) => ({ features: [], embeddingSize });
  const loss = contrast(
    {
      scope: Scope.root(state, 'method', 1),
      student: shape(studentSize),
      teacher: shape(teacherSize),
      labels: shuffled,
      classes: sizes.length,
    },
    own,
  );
  const program = new Program(state, { eager });
  const specs = {
    ours: { dtype: 'float32', shape: [batch, studentSize] },
    theirs: { dtype: 'float32', shape: [batch, teacherSize] },
    labels: { dtype: 'int32', shape: [batch] },
    indices: { dtype: 'int32', shape: [batch] },
    sample: { dtype: 'int32', shape: [2] },
  } as const;
  const outputOf = (embedding: Tensor) => ({ embedding }) as ForwardOutput;
  const step = program.define('contrast', specs, ({ ours, theirs, labels: of, indices, sample }) => ({
    loss: loss({
      student: outputOf(ours),
      teacher: outputOf(theirs),
      labels: of,
      indices,
      random: randomKey(sample),
    } as StepContext),
  }));
  return {
    step: (given: ReturnType<typeof stepInput>) => step(given),
    values: () => {
      program.pull();
      return state.values();
    },
    dispose: () => {
      program.dispose();
      state.dispose();
    },
  };
}

const wave = (count: number, by: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * by + by));

function stepInput(step: number, images: readonly number[]) {
  return {
    ours: wave(batch * studentSize, step + 1),
    theirs: wave(batch * teacherSize, step + 0.3),
    labels: Int32Array.from(images, (image) => shuffled[image] ?? 0),
    indices: Int32Array.from(images),
    sample: Int32Array.of(5, step),
  };
}

const matrix = ({ shape, values }: NamedValues): Tensor2D => tf.tensor2d(values, shape as [number, number]);
const named = (values: ReadonlyMap<string, NamedValues>, name: string): NamedValues => {
  const found = values.get(`method/${name}`);
  if (!found) throw new Error(`There is no ${name} among ${[...values.keys()].join(', ')}.`);
  return found;
};

/** Embeddings in the space of the memories. */
function embed(values: ReadonlyMap<string, NamedValues>, name: 'embed_s' | 'embed_t', x: Float32Array): Tensor2D {
  const [weight, bias] = ['weight', 'bias'].map((part) => named(values, `${name}.linear.${part}`)) as [
    NamedValues,
    NamedValues,
  ];
  const mapped = tf.add(tf.matMul(tf.tensor2d(x, [batch, x.length / batch]), matrix(weight)), tf.tensor1d(bias.values));
  return tf.div(mapped, tf.norm(mapped, 2, 1, true)) as Tensor2D;
}

const near = (values: ArrayLike<number>) => Array.from(values, (value) => expect.closeTo(value, 5));

describe.each([
  ['compiled', false],
  ['eager', true],
])('the memories, %s', (_, eager) => {
  test("only the rows of the batch's images move, towards their embeddings", async () => {
    const { step, values, dispose } = criterion(options, eager);
    const images = [9, 0, 31];
    const given = stepInput(0, images);
    const before = values();
    await step(given);
    const after = values();
    scoped(() => {
      for (const [memory, embedding] of [
        ['memory_v1', embed(before, 'embed_s', given.ours)],
        ['memory_v2', embed(before, 'embed_t', given.theirs)],
      ] as const) {
        const rows = matrix(named(before, `contrast.${memory}`)).arraySync();
        const moved = movedRows(
          tf.tensor2d(images.map((image) => rows[image] ?? [])),
          embedding,
          options.momentum,
        ).arraySync();
        for (const [i, image] of images.entries()) rows[image] = moved[i] ?? [];
        expect([...named(after, `contrast.${memory}`).values]).toEqual(near(rows.flat()));
      }
    });
    dispose();
  });

  test("scores are divided by the first batch's mean times the number of images, in all steps", async () => {
    const { step, values, dispose } = criterion(options, eager);
    const given = stepInput(0, [4, 8, 15]);
    const before = values();
    const normalisers = () => ['z_v1', 'z_v2'].map((name) => [...named(values(), `contrast.${name}`).values]);
    expect(normalisers()).toEqual([[-1], [-1]]);
    await step(given);
    const first = normalisers();
    scoped(() => {
      const sampled = fromOtherClasses(
        { labels: shuffled, classes: sizes.length },
        options.negatives,
      )({
        labels: ints([...given.labels]),
        indices: ints([...given.indices]),
        random: key(0),
      });
      const all = tf.concat([tf.expandDims(ints([...given.indices]), 1), sampled], 1);
      const expected = (memory: string, embedding: Tensor2D) => {
        const rows = tf.gather(matrix(named(before, `contrast.${memory}`)), all as Tensor2D);
        const scores = tf.exp(tf.div(tf.sum(tf.mul(rows, tf.expandDims(embedding, 1)), 2), options.temperature));
        return tf.mul(tf.mean(scores), shuffled.length).dataSync()[0] ?? Number.NaN;
      };
      // Each network's embedding is scored by the memory of the other.
      const expectedNormalisers = [
        expected('memory_v2', embed(before, 'embed_s', given.ours)),
        expected('memory_v1', embed(before, 'embed_t', given.theirs)),
      ];
      expect(first.map(([value = Number.NaN], i) => value / (expectedNormalisers[i] ?? 0))).toEqual(near([1, 1]));
    });
    await step(stepInput(1, [16, 23, 39]));
    await step(stepInput(2, [4, 8, 16]));
    expect(normalisers()).toEqual(first);
    dispose();
  });
});

test.each([1, 0])('compiled and eager steps are equal to the bit (otherClasses %p)', async (otherClasses) => {
  const run = async (eager: boolean) => {
    const { step, values, dispose } = criterion({ ...options, otherClasses }, eager);
    const losses: number[] = [];
    for (const [i, images] of [
      [1, 2, 3],
      [2, 38, 1],
      [0, 39, 20],
    ].entries()) {
      losses.push((await step(stepInput(i, images))).loss[0] ?? Number.NaN);
    }
    const after = values();
    dispose();
    return { losses, after };
  };
  const compiled = await run(false);
  expect(compiled).toEqual(await run(true));
  expect(compiled.losses.every((loss) => loss > 0)).toBe(true);
});
