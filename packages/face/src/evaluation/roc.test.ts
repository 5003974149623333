import { fixtureFloat64, fixtureJson, fixtureLines } from '../../test/fixture';
import { areaUnderCurve, equalErrorRate, nearestPoint, rocCurve, tarAtFar } from './roc';

interface Expected {
  readonly variants: { readonly F1N1D1: ExpectedVariant };
  readonly roc_F1N1D1: { readonly fpr: number[]; readonly tpr: number[]; readonly thresholds: (number | null)[] };
}
interface ExpectedVariant {
  readonly auc: number;
  readonly tar_at_far: Record<string, { readonly tar: number; readonly at_fpr: number }>;
}

describe("scikit-learn's curve of a small set in IJB-C's layout", () => {
  const expected = fixtureJson<Expected>('ijbc/expected.json');
  const same = fixtureLines('ijbc/ijbc_template_pair_label.txt').map((line) => Number(line.split(' ')[2]));
  const curve = rocCurve(fixtureFloat64('ijbc/scores.f64'), same);

  it('has the same points', () => {
    expect(Array.from(curve.far)).toEqual(expected.roc_F1N1D1.fpr);
    expect(Array.from(curve.tar)).toEqual(expected.roc_F1N1D1.tpr);
    expect(Array.from(curve.thresholds)).toEqual(
      expected.roc_F1N1D1.thresholds.map((threshold) => threshold ?? Number.POSITIVE_INFINITY),
    );
  });

  it.each(Object.entries(expected.variants.F1N1D1.tar_at_far))('has the same TAR at FAR %s', (far, point) => {
    const { tar, reachedFar } = nearestPoint(curve, Number(far));

    expect({ tar, at_fpr: reachedFar }).toEqual({ tar: point.tar, at_fpr: point.at_fpr });
  });

  it('has the same area', () => {
    expect(areaUnderCurve(curve)).toBeCloseTo(expected.variants.F1N1D1.auc, 14);
  });

  it('tells a rate only where the impostor pairs are enough for it', () => {
    expect(tarAtFar(curve, 1e-2)).toMatchObject({ measurable: true, tar: 46 / 52, reachedFar: 4 / 548 });
    expect(tarAtFar(curve, 1e-3)).toEqual({
      far: 1e-3,
      measurable: false,
      reason: 'not measurable with 548 impostor pairs',
      tar: undefined,
    });
  });
});

describe('rocCurve', () => {
  it('merges equal scores into one point', () => {
    const curve = rocCurve([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]);

    expect([...curve.thresholds]).toEqual([Number.POSITIVE_INFINITY, 0.9, 0.5, 0.1]);
    expect([...curve.far]).toEqual([0, 0, 0.5, 1]);
    expect([...curve.tar]).toEqual([0, 0.5, 1, 1]);
  });

  it('leaves out points on a run of equal steps', () => {
    const curve = rocCurve([9, 8, 7, 6, 5, 4], [1, 1, 1, 0, 0, 0]);

    expect([...curve.thresholds]).toEqual([Number.POSITIVE_INFINITY, 9, 7, 4]);
  });

  it('needs both kinds of pairs', () => {
    expect(() => rocCurve([1, 2], [1, 1])).toThrow('needs genuine and impostor pairs, but there are 2 and 0');
  });

  it('names the pair whose score is not a number', () => {
    expect(() => rocCurve([1, Number.NaN], [1, 0])).toThrow('The score of pair 1 is not a number');
  });
});

describe('areaUnderCurve and equalErrorRate', () => {
  it('are 1 and 0 when the two kinds are apart', () => {
    const curve = rocCurve([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]);

    expect(areaUnderCurve(curve)).toBe(1);
    expect(equalErrorRate(curve)).toBe(0);
  });

  it('are 0 and 1 when they are the wrong way round', () => {
    const curve = rocCurve([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]);

    expect(areaUnderCurve(curve)).toBe(0);
    expect(equalErrorRate(curve)).toBe(1);
  });

  it('are a half when all scores are equal', () => {
    const curve = rocCurve([3, 3, 3, 3], [1, 0, 1, 0]);

    expect(areaUnderCurve(curve)).toBe(0.5);
    expect(equalErrorRate(curve)).toBe(0.5);
  });

  it('interpolates the equal error rate between two points', () => {
    // Points (0, 1/2) and, both kinds tied at 0.5, (1/2, 1): on the line between, FAR = 1 - TAR at 1/4.
    expect(equalErrorRate(rocCurve([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]))).toBe(0.25);
  });
});

describe('nearestPoint', () => {
  it('takes the larger FAR, then the larger TAR, of equally near points', () => {
    // Points: (0, 0), (0, 1/2), (1/2, 1/2), (1/2, 1), (1, 1); 0 and 1/2 are equally near to 1/4.
    const curve = rocCurve([4, 3, 2, 1], [1, 0, 1, 0]);

    expect(nearestPoint(curve, 0.25)).toEqual({ tar: 1, reachedFar: 0.5, threshold: 2 });
  });
});
