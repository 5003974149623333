import { tf } from '../runtime/tensorflow';
import { measure } from './measure';

test('a resnet8 has the sizes that were computed by hand', () => {
  const [stem, first] = [3 * 16 * 9 * 1024, 2 * 16 * 16 * 9 * 1024];
  const second = (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32) * 256;
  const third = (32 * 64 * 9 + 64 * 64 * 9 + 32 * 64) * 64;
  expect(measure('resnet8', { classes: 100 })).toEqual({
    inputSize: 32,
    embeddingSize: 64,
    parameters: 83_892,
    multiplyAdds: stem + first + second + third + 64 * 100,
    features: [
      [32, 32, 16],
      [32, 32, 16],
      [16, 16, 32],
      [8, 8, 64],
    ],
  });
});

// torchvision's numbers: `num_params`, and `_ops` in thousand millions.
test.each([
  ['resnet18', 11_689_512, 1.814],
  ['resnet50', 25_557_032, 4.089],
  ['mobilenet_v2', 3_504_872, 0.301],
  ['mobilenet_v3_large', 5_483_032, 0.217],
  ['mobilenet_v3_small', 2_542_856, 0.057],
  ['efficientnet_b0', 5_288_548, 0.386],
])('%s takes what torchvision says', (name, parameters, thousandMillions) => {
  const { multiplyAdds, ...measured } = measure(name, { classes: 1000 });
  expect(measured.parameters).toBe(parameters);
  expect(Number((multiplyAdds / 1e9).toFixed(3))).toBe(thousandMillions);
});

test('measure takes an input size, a width and an embedding size, and leaks nothing', () => {
  const before = tf.memory().numTensors;
  const { embeddingSize, features } = measure('iresnet18', { inputSize: 48, width: 0.25, embeddingSize: 99 });
  expect(embeddingSize).toBe(99);
  expect(features.at(-1)).toEqual([3, 3, 128]);
  expect(tf.memory().numTensors).toBe(before);
});
