import { scoped, type Tensor, tf } from '../../runtime/tensorflow';
import { sgdUpdate } from './sgd-update';

const near = (...values: number[]) => values.map((value) => expect.closeTo(value, 6));
const values = (tensor: Tensor | undefined) => tensor && Array.from(tensor.dataSync());

/** One step at w = (1, 2), m = (0.5, 0), g = (3, -1). */
function update({ slot = true, ...rule }: { slot?: boolean; momentum?: number; weightDecay?: number; scale?: number }) {
  return scoped(() => {
    const part = {
      weight: tf.tensor1d([1, 2]),
      slot: slot ? tf.tensor1d([0.5, 0]) : undefined,
      gradient: tf.tensor1d([3, -1]),
    };
    const { weights, slots } = sgdUpdate([part], {
      learningRate: tf.scalar(0.1),
      momentum: rule.momentum ?? 0,
      weightDecay: rule.weightDecay ?? 0,
      scale: rule.scale === undefined ? undefined : tf.scalar(rule.scale),
    });
    const before = { weight: values(part.weight), slot: values(part.slot) };
    return { weight: values(weights[0]), slot: values(slots[0]), before };
  });
}

test('w - rate g without momentum and decay', () => {
  expect(update({ slot: false })).toMatchObject({ weight: near(0.7, 2.1), slot: undefined });
});

test('g = scale gradient + decay w; m = momentum m + g; w - rate m', () => {
  // (1.5, -0.5) + (0.1, 0.2) = (1.6, -0.3); + 0.9 (0.5, 0) = (2.05, -0.3).
  expect(update({ momentum: 0.9, weightDecay: 0.1, scale: 0.5 })).toMatchObject({
    weight: near(0.795, 2.03),
    slot: near(2.05, -0.3),
  });
});

test('the scale does not apply to weight decay or the old momentum', () => {
  expect(update({ momentum: 0.9, weightDecay: 0.1, scale: 0 })).toMatchObject({ slot: near(0.55, 0.2) });
});

test('inputs are unchanged', () => {
  expect(update({ momentum: 0.9, weightDecay: 0.1 }).before).toEqual({ weight: [1, 2], slot: [0.5, 0] });
});

test('parts with other rates keep their order', () => {
  scoped(() => {
    const part = (value: number, rate?: number) => ({
      weight: tf.scalar(value),
      slot: tf.scalar(0),
      gradient: tf.scalar(1),
      ...(rate !== undefined && { rate }),
    });
    const rule = { learningRate: tf.scalar(2), momentum: 0.5, weightDecay: 0, scale: undefined };
    const { weights, slots } = sgdUpdate([part(10, 0.5), part(20), part(30, 0.5), part(40, 0.25)], rule);
    expect(weights.map(values)).toEqual([[9], [18], [29], [39.5]]);
    expect(slots.map(values)).toEqual([[1], [1], [1], [1]]);
  });
});

test('parts keep their order, each with its slot or none', () => {
  scoped(() => {
    const part = (value: number, slot?: number) => ({
      weight: tf.scalar(value),
      slot: slot === undefined ? undefined : tf.scalar(slot),
      gradient: tf.scalar(1),
    });
    const rule = { learningRate: tf.scalar(1), momentum: 0.5, weightDecay: 0, scale: undefined };
    const { weights, slots } = sgdUpdate([part(10), part(20, 2), part(30)], rule);
    expect(weights.map(values)).toEqual([[9], [18], [29]]);
    expect(slots.map(values)).toEqual([undefined, [2], undefined]);
  });
});
