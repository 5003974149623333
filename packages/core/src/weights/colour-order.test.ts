import { join } from 'node:path';
import { buildNetwork } from '../nn/network';
import { State } from '../runtime/state';
import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { withoutBgr } from './colour-order';
import { networkFromWeights, type WeightsHints } from './network-from-weights';

const file = join(__dirname, '../../fixtures/reference/resnet8.pth');

/** The logits of the file's network for these pixels. */
function logits(pixels: Tensor4D, hints: WeightsHints): readonly number[] {
  const { description, tensors } = networkFromWeights(file, hints);
  const state = new State();
  try {
    const network = buildNetwork(state, 'net', description, undefined);
    network.load(tensors, file);
    return [...network.predict(network.embed(pixels, 'eval').embedding).dataSync()];
  } finally {
    state.dispose();
  }
}

test('a network of BGR gives for RGB what its file gives for BGR, with the normalisation of each colour', () => {
  scoped(() => {
    const values = Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => (i * 7919) % 256);
    const rgb = tf.tensor4d(values, [2, 32, 32, 3]) as Tensor4D;
    const bgr = tf.reverse(rgb, 3) as Tensor4D;
    const [mean, deviation] = [
      [0.1, 0.4, 0.7],
      [0.5, 0.6, 0.7],
    ] as const;
    const reversed = { mean: [0.7, 0.4, 0.1], deviation: [0.7, 0.6, 0.5] } as const;
    const wanted = logits(bgr, { normalisation: reversed });
    const found = logits(rgb, { normalisation: { mean, deviation }, colours: 'BGR' });
    const largest = Math.max(...wanted.map(Math.abs));
    for (const [i, value] of wanted.entries()) expect(Math.abs((found[i] ?? 0) - value) / largest).toBeLessThan(1e-5);
    expect(logits(rgb, { normalisation: { mean, deviation } })).not.toEqual(found);
  });
});

test('a network whose first convolution does not read three colours is refused', () => {
  const grey = new Map([['conv1.weight', { shape: [3, 3, 1, 8], values: new Float32Array(72) }]]);
  expect(() => withoutBgr(grey, 'grey.pth')).toThrow(
    'grey.pth cannot be read as a network of BGR: its first convolution does not read three colours.',
  );
});
