import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { buildNetwork, type Network, type NetworkDescription } from './network';
import { cifar100 } from './normalisation';

const description: NetworkDescription = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: 16,
  width: 0.25,
  classes: 3,
};
const teacherSize = 5;

const states: State[] = [];
afterEach(() => {
  for (const state of states.splice(0)) state.dispose();
});

function build(more: Partial<NetworkDescription> = {}, seed = 1): Network {
  const state = new State();
  states.push(state);
  return buildNetwork(state, 'net', { ...description, ...more }, seed);
}

/** Pixels 0..255, another picture each. */
const pixels = (count = 2) =>
  tf.tensor4d(
    Float32Array.from({ length: count * 16 * 16 * 3 }, (_, i) => (i * 37) % 256),
    [count, 16, 16, 3],
  );
const embeddings = (size: number) =>
  tf.tensor2d(
    Float32Array.from({ length: 4 * size }, (_, i) => Math.sin(i)),
    [4, size],
  );
const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6));

function softmax(values: readonly number[]): number[] {
  const powers = values.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** x W + b of the layer `name`, by hand. */
function layer(network: Network, name: string, x: readonly number[]): number[] {
  const weights = network.weights();
  const { shape, values } = weights.get(`${name}.weight`) as NamedValues;
  const [, outputs = 0] = shape;
  const bias = weights.get(`${name}.bias`)?.values;
  return Array.from({ length: outputs }, (_, k) =>
    x.reduce((sum, value, i) => sum + value * (values[i * outputs + k] ?? 0), bias?.[k] ?? 0),
  );
}

describe("a blend predicts with its own head and its teacher's", () => {
  const blended = (share: number, teacherSpace?: number) =>
    build({ blend: { share, head: 'linear' }, ...(teacherSpace && { teacherSpace }) });

  test.each([
    ['a space of one size', undefined],
    ["the teacher's space", teacherSize],
  ])("p' = (1 - share) p + share p of the teacher's, in %s", (_, teacherSpace) => {
    scoped(() => {
      const network = blended(0.25, teacherSpace);
      const z = embeddings(network.embeddingSize);
      const predicted = tf.softmax(network.predict(z)).arraySync() as number[][];
      for (const [i, embedding] of (z.arraySync() as number[][]).entries()) {
        const own = softmax(layer(network, 'head', embedding));
        const there = teacherSpace ? layer(network, 'teacher_space', embedding) : embedding;
        const teachers = softmax(layer(network, 'teacher_head', there));
        expect(predicted[i]).toEqual(near(own.map((p, k) => 0.75 * p + 0.25 * (teachers[k] ?? 0))));
        expect(own).not.toEqual(near(teachers));
      }
    });
  });

  test("a share of 1 predicts with the teacher's head alone, a share of 0 with the own head alone", () => {
    scoped(() => {
      const by = (share: number, name: string) => {
        const network = blended(share);
        const z = embeddings(network.embeddingSize);
        const wanted = (z.arraySync() as number[][]).map((row) => near(softmax(layer(network, name, row))));
        expect(tf.softmax(network.predict(z)).arraySync()).toEqual(wanted);
      };
      by(1, 'teacher_head');
      by(0, 'head');
    });
  });

  test('training uses the own head alone, and so does a network without a blend', () => {
    scoped(() => {
      const network = blended(0.5);
      const z = embeddings(network.embeddingSize);
      const own = network.head.logits(z).dataSync();
      expect(network.head.trainingLogits(z, tf.zeros([4], 'int32')).dataSync()).toEqual(own);
      expect(network.predict(z).dataSync()).not.toEqual(own);
      const plain = build();
      plain.load(new Map([...network.weights()].filter(([name]) => !name.startsWith('teacher_head.'))), 'blend');
      expect(plain.predict(z).dataSync()).toEqual(own);
    });
  });

  test('a class with probability 0 in both heads has a finite logit', () => {
    scoped(() => {
      const network = blended(0.5);
      const z = tf.mul(embeddings(network.embeddingSize), 1e4) as Tensor2D;
      expect(Array.from(network.predict(z).dataSync()).every(Number.isFinite)).toBe(true);
    });
  });
});

describe('pixels are normalised', () => {
  const first = (more: Partial<NetworkDescription>, x: Tensor4D) => build(more).embed(x, 'eval').embedding.dataSync();

  test('to -1..1 by default', () => {
    scoped(() => {
      const plain = first({}, pixels());
      expect(first({ normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] } }, pixels())).toEqual(plain);
      expect(first({ normalisation: cifar100 }, pixels())).not.toEqual(plain);
    });
  });

  test('colour by colour: (x / 255 - mean) / deviation', () => {
    scoped(() => {
      const { mean, deviation } = cifar100;
      const wanted = tf.div(tf.sub(tf.div(pixels(), 255), tf.tensor1d([...mean])), tf.tensor1d([...deviation]));
      // The pixels that the default takes to the same values.
      const moved = tf.mul(tf.add(tf.mul(wanted, 0.5), 0.5), 255) as Tensor4D;
      expect([...first({ normalisation: cifar100 }, pixels())]).toEqual(
        Array.from(first({}, moved), (value) => expect.closeTo(value, 4)),
      );
    });
  });
});

describe('a bottleneck', () => {
  const shape = { inputs: 16, outputs: 6, size: [2, 2], factor: 2 } as const;

  test('makes a map of the given channels and size, whose mean is the embedding', () => {
    scoped(() => {
      const network = build({ bottleneck: shape });
      const { transferred, embedding, features } = network.embed(pixels(), 'eval');
      expect(features.at(-1)?.shape).toEqual([2, 4, 4, 16]);
      expect([transferred?.shape, network.embeddingSize]).toEqual([[2, 2, 2, 6], 6]);
      expect([...embedding.dataSync()]).toEqual(
        Array.from(tf.mean(transferred as Tensor4D, [1, 2]).dataSync(), (value) => expect.closeTo(value, 6)),
      );
      expect(network.weights().get('bottleneck.transfer.0.weight')?.shape).toEqual([1, 1, 16, 3]);
      expect(network.weights().get('head.weight')?.shape).toEqual([6, 3]);
    });
  });

  test('does not enlarge a smaller map', () => {
    scoped(() => {
      const network = build({ bottleneck: { ...shape, size: [8, 8] } });
      expect(network.embed(pixels(), 'eval').transferred?.shape).toEqual([2, 4, 4, 6]);
    });
  });
});
