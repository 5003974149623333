import { randomValues } from '../../../test/gradient-check';
import { hasKernel } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { kernelSgd } from './sgd-kernel';

const onCpu = hasKernel('HeadshareSgd') ? test : test.skip;

const rule = () => ({ learningRate: tf.scalar(0.5), scale: tf.scalar(2), momentum: 0.75, weightDecay: 0.25 });

onCpu('has the numbers of SGD with momentum and weight decay, computed by hand', () => {
  const [weight, momentum, gradient] = [
    [5, -2],
    [10, 0],
    [3, 4],
  ].map((values) => tf.tensor1d(values)) as [Tensor, Tensor, Tensor];
  const { weights, slots } = kernelSgd([weight], [momentum], [gradient], rule());
  // m = 0.75 m + (2 g + 0.25 w); w - 0.5 m
  const expected = [14.75, 7.5];
  expect(Array.from(slots[0]?.dataSync() ?? [])).toEqual(expected);
  expect(Array.from(weights[0]?.dataSync() ?? [])).toEqual([5 - 7.375, -2 - 3.75]);
  // What went in is as it was: only a gradient that nobody else needs gives its memory away.
  expect([weight, momentum, gradient].map((tensor) => Array.from(tensor.dataSync()))).toEqual([
    [5, -2],
    [10, 0],
    [3, 4],
  ]);
});

onCpu("equals TensorFlow's operations for variables of all sizes", () => {
  const shapes = [[], [1], [3, 5], [0], [70_001], [256, 3, 3, 7]];
  const [weights, momenta, gradients] = ['w', 'm', 'g'].map((name) =>
    shapes.map((shape, i) => randomValues(`${name}${i}`, shape)),
  ) as [Tensor[], Tensor[], Tensor[]];
  const updated = kernelSgd(weights, momenta, gradients, rule());
  for (const [i, shape] of shapes.entries()) {
    const { largest, sameShape } = tf.tidy(() => {
      const [w, m, g] = [weights[i], momenta[i], gradients[i]] as [Tensor, Tensor, Tensor];
      const slot = tf.add(tf.mul(m, 0.75), tf.add(tf.mul(g, 2), tf.mul(w, 0.25)));
      const differences = [
        tf.sub(slot, updated.slots[i] as Tensor),
        tf.sub(tf.sub(w, tf.mul(slot, 0.5)), updated.weights[i] as Tensor),
      ].flatMap((difference) => Array.from(tf.abs(difference).dataSync()));
      return { largest: Math.max(0, ...differences.slice(0, 5000)), sameShape: updated.weights[i]?.shape };
    });
    expect(sameShape).toEqual(shape);
    expect(largest).toBeLessThan(1e-6);
  }
});

onCpu('variables of different shapes are refused', () => {
  expect(() => kernelSgd([tf.zeros([2])], [tf.zeros([2])], [tf.zeros([3])], rule())).toThrow(
    'weights, momenta and gradients must agree in shape; got [2], [2] and [3] at 0.',
  );
});
