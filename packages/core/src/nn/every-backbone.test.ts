/** What holds for every architecture of the registry, at a small size. */
import { State } from '../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { backbones } from './registry';
import { Scope } from './scope';

const batch = 4;
const inputSize = 32;
const images = (): Tensor4D =>
  tf.tensor4d(
    Float32Array.from({ length: batch * inputSize * inputSize * 3 }, (_, i) => Math.sin(i * i)),
    [batch, inputSize, inputSize, 3],
  );

function built(name: string, width: number) {
  const state = new State();
  const scope = Scope.root(state, 'net', 1);
  return { state, backbone: backbones.named(name).build(scope, { inputSize, width, embeddingSize: 8 }) };
}

describe.each(backbones.all.map(({ name }) => name))('%s', (name) => {
  // So narrow that layers have one channel, or as few as their groups allow.
  test.each([0.02, 0.2])('has maps and an embedding that fit at a width of %s', (width) => {
    scoped(() => {
      const { state, backbone } = built(name, width);
      const plain = backbone.apply(images(), 'eval');
      const asked = backbone.apply(images(), 'eval', { preactivations: true });
      expect(plain.embedding.shape).toEqual([batch, backbone.embeddingSize]);
      expect(plain.preactivations).toBeUndefined();
      const shapes = (maps: readonly Tensor[] = []) => maps.map(({ shape }) => shape);
      // After the stem and after each of at least three stages: methods on feature maps compare them in order.
      expect({ featureMaps: plain.features.length, enough: plain.features.length >= 4 }).toEqual({
        featureMaps: expect.any(Number),
        enough: true,
      });
      for (const [size, height, breadth] of shapes(plain.features)) expect([size, height]).toEqual([batch, breadth]);
      expect(shapes(asked.features)).toEqual(shapes(plain.features));
      expect(shapes(asked.preactivations)).toEqual(shapes(plain.features));
      const apart = tf.max(tf.abs(tf.sub(asked.embedding, plain.embedding))).dataSync()[0];
      expect(apart).toBeLessThan(1e-5 * (1 + (tf.max(tf.abs(plain.embedding)).dataSync()[0] ?? 0)));
      state.dispose();
    });
  });

  test('has a gradient for each trainable variable', () => {
    scoped(() => {
      const { state, backbone } = built(name, 0.2);
      const variables = state.all('trainable').map(({ variable }) => variable);
      const { value, grads } = tf.variableGrads(() => {
        const { embedding } = backbone.apply(images(), 'train');
        const direction = Float32Array.from({ length: embedding.size }, (_, i) => Math.cos(i * i));
        return tf.sum(tf.mul(embedding, tf.tensor(direction, embedding.shape)));
      }, variables);
      expect(Number.isFinite(value.dataSync()[0])).toBe(true);
      for (const variable of variables) {
        const gradient = grads[variable.name] as Tensor;
        expect(gradient?.shape).toEqual(variable.shape);
        const largest = tf.max(tf.abs(gradient)).dataSync()[0] ?? Number.NaN;
        expect(Number.isFinite(largest)).toBe(true);
        // Those of biases and norms may be zero: where a batch norm follows, or where ReLU shuts a channel off.
        if (variable.rank > 1) expect([variable.name, largest > 0]).toEqual([variable.name, true]);
      }
      state.dispose();
    });
  });
});
