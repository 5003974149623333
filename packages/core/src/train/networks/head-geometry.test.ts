import type { NamedValues } from '../../runtime/state';
import { tf } from '../../runtime/tensorflow';
import { geometryMetrics, headGeometry, mostComparedClasses } from './head-geometry';

/** A head's weight [embedding, classes] from its class vectors. */
function ofClasses(...vectors: readonly (readonly number[])[]): NamedValues {
  const [first = []] = vectors;
  const values = Float32Array.from(first.flatMap((_, i) => vectors.map((vector) => vector[i] ?? Number.NaN)));
  return { shape: [first.length, vectors.length], values };
}

const third = Math.sqrt(3) / 2;

test.each([
  [
    'at right angles',
    [
      [2, 0],
      [0, 5],
    ],
    { largestCosine: 0, meanCosine: 0, effectiveRank: 2 },
  ],
  [
    'on one line, one way',
    [
      [1, 2],
      [2, 4],
      [0.5, 1],
    ],
    { largestCosine: 1, meanCosine: 1, effectiveRank: 1 },
  ],
  [
    'on one line, both ways',
    [
      [3, 4],
      [-6, -8],
    ],
    { largestCosine: -1, meanCosine: -1, effectiveRank: 1 },
  ],
  [
    '120 degrees apart',
    [
      [1, 0],
      [-0.5, third],
      [-0.5, -third],
    ],
    { largestCosine: -0.5, meanCosine: -0.5, effectiveRank: 2 },
  ],
  // Squared singular values 2 and 1: exp of the entropy of 2/3 and 1/3 is 3 / 2^(2/3).
  [
    'two alike',
    [
      [1, 0],
      [1, 0],
      [0, 1],
    ],
    { largestCosine: 1, meanCosine: 1 / 3, effectiveRank: 3 / 2 ** (2 / 3) },
  ],
  // A third class without a direction.
  [
    'with zeros',
    [
      [1, 0],
      [0.6, 0.8],
      [0, 0],
    ],
    { largestCosine: 0.6, meanCosine: 0.2, effectiveRank: Math.exp(-(0.8 * Math.log(0.8) + 0.2 * Math.log(0.2))) },
  ],
])('class vectors %s', async (_, vectors, { largestCosine, meanCosine, effectiveRank }) => {
  expect(await headGeometry(ofClasses(...vectors))).toEqual({
    classes: vectors.length,
    embeddingSize: 2,
    largestCosine: expect.closeTo(largestCosine, 6),
    meanCosine: expect.closeTo(meanCosine, 6),
    effectiveRank: expect.closeTo(effectiveRank, 5),
  });
});

// The values are NumPy's, in float64: weight[i, j] = sin((1 + i * classes + j)^2).
test.each([
  [7, 5, [0.7088079579707158, -0.07710878476194385, 4.135265252461299]],
  [5, 9, [0.2207377903487574, -0.09850289924139102, 4.475684079751046]],
])('%i classes of %i numbers are measured as by NumPy, without leaking tensors', async (classes, size, expected) => {
  const values = Float32Array.from({ length: size * classes }, (_, i) => Math.sin((1 + i) ** 2));
  const before = tf.memory().numTensors;
  const geometry = await headGeometry({ shape: [size, classes], values });
  expect(tf.memory().numTensors).toBe(before);
  const [largest, mean, rank] = expected.map((value) => expect.closeTo(value, 5));
  expect(geometry && geometryMetrics(geometry)).toEqual({
    'head/class_cosine_max': largest,
    'head/class_cosine_mean': mean,
    'head/effective_rank': rank,
  });
});

test('classes in several blocks are compared with one another', async () => {
  const classes = 1200;
  const values = new Float32Array(2 * classes);
  const put = (c: number, x: number, y: number) => {
    values[c] = x;
    values[classes + c] = y;
  };
  put(5, 1, 0);
  put(1100, 0.8, 0.6);
  put(1150, -1, 0);
  expect((await headGeometry({ shape: [2, classes], values }))?.largestCosine).toBeCloseTo(0.8, 6);
});

test('of more than 20,000 classes a fixed sample is compared', async () => {
  const classes = 2 * mostComparedClasses;
  const values = new Float32Array(2 * classes);
  // The sample is every second class: it has classes 0 and 2, but not class 1, which is like class 2.
  values.set([1, 0.6, 0.6], 0);
  values.set([0, 0.8, 0.8], classes);
  const geometry = await headGeometry({ shape: [2, classes], values });
  expect(geometry?.largestCosine).toBeCloseTo(0.6, 6);
  expect(geometry?.meanCosine).toBeCloseTo((2 * (0.6 + 0.6 + 1)) / (classes * (classes - 1)), 12);
});

test('one class, or zeros alone, have no geometry', async () => {
  expect(await headGeometry(ofClasses([1, 2]))).toBeUndefined();
  expect(await headGeometry(ofClasses([0, 0], [0, 0]))).toBeUndefined();
});
