import { attr, execute } from '../../runtime/binding';
import { conv2d } from '../../runtime/ops/convolution/conv2d';
import { State } from '../../runtime/state';
import { type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';
import type { Layer } from '../graph';
import { recordInference } from '../record';
import { lower } from './lower';

let state: State;

const weightOf = (name: string) => state.get(name)?.variable as Tensor;

/** The graph of `body`, over variables that its recording takes over. */
function graphOf(body: (pixels: Tensor4D) => Tensor) {
  state = new State();
  try {
    state.declare(
      'weight',
      'trainable',
      [3, 3, 3, 4],
      Float32Array.from({ length: 108 }, (_, i) => i / 108),
    );
    state.declare('scale', 'trainable', [4], Float32Array.of(1, 2, 3, 4));
    return lower(recordInference(state, [8, 6, 3], (pixels) => ({ y: body(pixels) })));
  } finally {
    state.dispose();
  }
}

const kindsOf = (body: (pixels: Tensor4D) => Tensor) => graphOf(body).layers.map(({ kind }) => kind);

test('an operation without counterpart is refused with its line', () => {
  const cumulate = (x: Tensor) => tf.cumsum(x, 1);
  expect(() => graphOf((pixels) => cumulate(pixels))).toThrow(
    /^Cumsum_\d+ \(\S*lower\.test\.ts:\d+\) cannot be exported: the operation Cumsum has no counterpart/,
  );
});

test('a filter that depends on the images is refused with its line', () => {
  const attrs = [
    attr.type('T', 'float32'),
    attr.ints('strides', [1, 1, 1, 1]),
    attr.string('padding', 'VALID'),
    attr.ints('dilations', [1, 1, 1, 1]),
  ];
  expect(() =>
    graphOf((pixels) =>
      execute('Conv2D', attrs, [pixels, tf.reshape(tf.slice(pixels, [0, 0, 0, 0], [-1, 1, 1, 3]), [1, 1, 3, -1])]),
    ),
  ).toThrow(/^Conv2D_\d+ \(.*\) cannot be exported: its filter depends on the images/);
});

test('what depends on weights alone is computed, whatever it takes', () => {
  const { layers } = graphOf((pixels) =>
    conv2d(pixels, tf.mul(weightOf('weight'), tf.sqrt(weightOf('scale'))) as Tensor4D),
  );
  expect(layers).toMatchObject([{ kind: 'convolution', groups: 1, stride: [1, 1], pads: [0, 0, 0, 0] }]);
  const { filter } = layers[0] as Extract<Layer, { kind: 'convolution' }>;
  expect(filter.values[107]).toBeCloseTo((107 / 108) * 2, 6);
});

test('padding and strides of single pixels become part of a convolution', () => {
  const single = () => tf.slice(weightOf('weight'), [0, 0, 0, 0], [1, 1, 3, 4]) as Tensor4D;
  const padded = graphOf((pixels) => conv2d(pixels, weightOf('weight') as Tensor4D, { stride: 2, padding: 1 }));
  expect(padded.layers).toMatchObject([{ kind: 'convolution', stride: [2, 2] }]);
  const strided = graphOf((pixels) => conv2d(pixels, single(), { stride: [2, 3] }));
  expect(strided.layers).toMatchObject([{ kind: 'convolution', stride: [2, 3], pads: [0, 0, 0, 0] }]);
});

test('a softmax is one layer, and reshapes without effect are none', () => {
  const rows = (pixels: Tensor4D) => tf.reshape(pixels, [pixels.shape[0], -1]);
  expect(kindsOf((pixels) => tf.exp(tf.logSoftmax(rows(pixels))))).toEqual(['reshape', 'softmax']);
  expect(kindsOf((pixels) => tf.relu(tf.reshape(pixels, pixels.shape)))).toEqual(['elementwise']);
});

test('a size that follows the batch in another way is refused', () => {
  expect(() => graphOf((pixels) => tf.reshape(tf.tile(tf.ones([1]), [pixels.shape[0] + 1]), [-1]))).toThrow();
  expect(() => graphOf((pixels) => tf.mul(pixels, pixels.shape[0]))).toThrow(
    /has other values for another number of images/,
  );
});

test('no tensor is left', () => {
  const before = tf.memory().numTensors;
  graphOf((pixels) => conv2d(pixels, weightOf('weight') as Tensor4D));
  expect(tf.memory().numTensors).toBe(before);
});
