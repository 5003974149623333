import { classificationMetrics } from './metrics';

/** Logits whose softmax is the given shares. */
const logits = (...shares: number[]) => Float32Array.from(shares, Math.log);

describe('classificationMetrics', () => {
  it('counts correct predictions over batches, in total and by class', () => {
    const metrics = classificationMetrics({ classes: 3 });
    metrics.add({ logits: Float32Array.of(2, 1, 0, 0, 1, 2), labels: [0, 1], count: 2 });
    metrics.add({ logits: Float32Array.of(0, 9, 0), labels: [1], count: 1 });

    expect(metrics.result()).toMatchObject({
      count: 3,
      top1: 2 / 3,
      top5: 1,
      perClass: [1, 0.5, undefined],
      meanPerClass: 0.75,
    });
  });

  it('ignores padding rows', () => {
    const metrics = classificationMetrics({ classes: 2 });
    metrics.add({ logits: Float32Array.of(1, 0, 1, 0), labels: [0, 1], count: 1 });

    expect(metrics.result()).toMatchObject({ count: 1, top1: 1 });
  });

  it('counts a label among the five highest logits as right for top-5', () => {
    const metrics = classificationMetrics({ classes: 7 });
    const row = [6, 5, 4, 3, 2, 1, 0];
    metrics.add({ logits: Float32Array.from([...row, ...row]), labels: [4, 5], count: 2 });

    expect(metrics.result()).toMatchObject({ top1: 0, top5: 0.5 });
  });

  it('prefers the lower class of equal logits, for top-1 and top-5 alike', () => {
    const metrics = classificationMetrics({ classes: 6 });
    metrics.add({ logits: new Float32Array(12), labels: [0, 5], count: 2 });

    expect(metrics.result()).toMatchObject({ top1: 0.5, top5: 0.5 });
  });

  it('compares confidence with accuracy in bins', () => {
    // Confidence 0.75 twice, right once: |1 - 1.5|; confidence 0.9 once, right: |1 - 0.9|. ECE = (0.5 + 0.1) / 3.
    const metrics = classificationMetrics({ classes: 2 });
    metrics.add({
      logits: Float32Array.of(...logits(0.75, 0.25), ...logits(0.25, 0.75), ...logits(0.9, 0.1)),
      labels: [0, 0, 0],
      count: 3,
    });

    expect(metrics.result().ece).toBeCloseTo(0.2, 6);
  });

  it('is perfectly calibrated when certain and right', () => {
    const metrics = classificationMetrics({ classes: 2 });
    metrics.add({ logits: Float32Array.of(1000, -1000), labels: [0], count: 1 });

    expect(metrics.result().ece).toBe(0);
  });

  it.each([
    ['a label outside the classes', { logits: new Float32Array(2), labels: [2], count: 1 }, 'Row 0 has label 2'],
    ['too few logits', { logits: new Float32Array(2), labels: [0, 1], count: 2 }, '2 logits are fewer than 2 rows'],
    ['too few labels', { logits: new Float32Array(4), labels: [0], count: 2 }, '1 labels are fewer than 2 rows'],
    ['logits of a diverged network', { logits: Float32Array.of(0, Number.NaN), labels: [0], count: 1 }, 'not numbers'],
  ])('refuses %s', (_, batch, message) => {
    expect(() => classificationMetrics({ classes: 2 }).add(batch)).toThrow(message);
  });

  it('has no result before the first sample', () => {
    expect(() => classificationMetrics({ classes: 2 }).result()).toThrow('There are no images');
  });
});
