import * as fc from 'fast-check';
import { faceCaseBytes, faceCaseText } from '../../test/face-cases';
import { areaUnderCurve, equalErrorRate, operatingPoint, rocCurve, tarAtFar, tarMetrics } from './roc';

interface Expected {
  readonly variants: { readonly F1N1D1: ExpectedVariant };
  readonly roc_F1N1D1: { readonly fpr: number[]; readonly tpr: number[]; readonly thresholds: (number | null)[] };
}
interface ExpectedVariant {
  readonly auc: number;
  readonly tar_at_far: Record<string, { readonly tar: number; readonly at_fpr: number }>;
}

describe("scikit-learn's curve of a small set in IJB-C's layout", () => {
  const expected = JSON.parse(faceCaseText('ijbc_tiny/expected.json')) as Expected;
  const lines = faceCaseText('ijbc_tiny/meta/ijbc_template_pair_label.txt').trimEnd().split('\n');
  const same = lines.map((line) => Number(line.split(' ')[2]));
  const curve = rocCurve(new Float64Array(faceCaseBytes('ijbc_tiny/scores.f64')), same);

  it('has the same points', () => {
    expect(Array.from(curve.far)).toEqual(expected.roc_F1N1D1.fpr);
    expect(Array.from(curve.tar)).toEqual(expected.roc_F1N1D1.tpr);
    expect(Array.from(curve.thresholds)).toEqual(
      expected.roc_F1N1D1.thresholds.map((threshold) => threshold ?? Number.POSITIVE_INFINITY),
    );
  });

  it.each(Object.entries(expected.variants.F1N1D1.tar_at_far))('has the same TAR at FAR %s', (far, point) => {
    const { tar, reachedFar } = operatingPoint(curve, Number(far));

    expect({ tar, at_fpr: reachedFar }).toEqual({ tar: point.tar, at_fpr: point.at_fpr });
  });

  it('has the same area', () => {
    expect(areaUnderCurve(curve)).toBeCloseTo(expected.variants.F1N1D1.auc, 12);
  });
});

describe('tarAtFar', () => {
  it('is measurable only with enough impostor pairs', () => {
    const points = tarAtFar(rocCurve([4, 3, 2, 1, 0], [1, 0, 1, 0, 0]), ['0.5', '0.1']);

    expect(points['0.5']).toMatchObject({ measurable: true, tar: 1, reachedFar: 1 / 3 });
    expect(points['0.1']).toMatchObject({ measurable: false });
    expect(tarMetrics(points, 'ours/')).toEqual({ 'ours/tar_at_far_0.5': 1 });
  });
});

describe('rocCurve', () => {
  it('merges equal scores into one point', () => {
    const curve = rocCurve([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]);

    expect([...curve.thresholds]).toEqual([Number.POSITIVE_INFINITY, 0.9, 0.5, 0.1]);
    expect([...curve.far]).toEqual([0, 0, 0.5, 1]);
    expect([...curve.tar]).toEqual([0, 0.5, 1, 1]);
  });

  it('drops points on a run of equal steps', () => {
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
  it('are 1 and 0 if the two kinds are separated', () => {
    const curve = rocCurve([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]);

    expect(areaUnderCurve(curve)).toBe(1);
    expect(equalErrorRate(curve)).toBe(0);
  });

  it('are 0 and 1 if all impostors score above all genuine pairs', () => {
    const curve = rocCurve([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]);

    expect(areaUnderCurve(curve)).toBe(0);
    expect(equalErrorRate(curve)).toBe(1);
  });

  it('are a half if all scores are equal', () => {
    const curve = rocCurve([3, 3, 3, 3], [1, 0, 1, 0]);

    expect(areaUnderCurve(curve)).toBe(0.5);
    expect(equalErrorRate(curve)).toBe(0.5);
  });

  it('interpolates the equal error rate between two points', () => {
    // The points are (0, 1/2) and (1/2, 1), where both kinds tie at 0.5; on the line between, FAR = 1 - TAR at 1/4.
    expect(equalErrorRate(rocCurve([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]))).toBe(0.25);
  });
});

describe('operatingPoint', () => {
  it('takes the larger FAR, then the larger TAR, of equally near points', () => {
    // The points are (0, 0), (0, 1/2), (1/2, 1/2), (1/2, 1), (1, 1); 0 and 1/2 are equally near to 1/4.
    const curve = rocCurve([4, 3, 2, 1], [1, 0, 1, 0]);

    expect(operatingPoint(curve, 0.25)).toEqual({ tar: 1, reachedFar: 0.5, threshold: 2, measurable: false });
  });
});

/** Small problems with many ties and both kinds of pairs. */
const problems = fc
  .array(fc.tuple(fc.integer({ min: -12, max: 12 }), fc.constantFrom(0, 1)), { minLength: 2, maxLength: 60 })
  .filter((pairs) => pairs.some(([, same]) => same === 1) && pairs.some(([, same]) => same === 0));
const fars = [1e-6, 0.01, 0.1, 0.25, 0.5, 1];

describe('any curve', () => {
  const curveOf = (pairs: readonly (readonly [number, number])[], change = (score: number) => score) =>
    rocCurve(
      pairs.map(([score]) => change(score)),
      pairs.map(([, same]) => same),
    );

  it('equals a plain implementation of the definition', () => {
    fc.assert(
      fc.property(problems, (pairs) => {
        const { far, tar, thresholds } = curveOf(pairs);

        expect({ far: [...far], tar: [...tar], thresholds: [...thresholds] }).toEqual(plainCurve(pairs));
      }),
    );
  });

  it('has the operating points of a plain implementation: the nearest FAR, the first one on the reversed curve', () => {
    fc.assert(
      fc.property(problems, fc.constantFrom(...fars), (pairs, target) => {
        const plain = plainCurve(pairs);
        const far = plain.far.slice().reverse();
        const gaps = far.map((value) => Math.abs(value - target));
        const index = gaps.indexOf(Math.min(...gaps));
        const { tar, reachedFar } = operatingPoint(curveOf(pairs), target);

        expect({ tar, reachedFar }).toEqual({ tar: plain.tar.slice().reverse()[index], reachedFar: far[index] });
      }),
    );
  });

  it('depends only on the order of the scores', () => {
    fc.assert(
      fc.property(problems, fc.constantFrom(...fars), (pairs, target) => {
        const before = curveOf(pairs);
        for (const change of [(score: number) => 3 * score - 7, (score: number) => Math.exp(score / 4)]) {
          const after = curveOf(pairs, change);

          expect(after.far).toEqual(before.far);
          expect(after.tar).toEqual(before.tar);
          expect(operatingPoint(after, target).tar).toBe(operatingPoint(before, target).tar);
        }
      }),
    );
  });

  it('does not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(problems, (pairs) => {
        expect(curveOf(pairs.slice().reverse())).toEqual(curveOf(pairs));
      }),
    );
  });
});

function plainCurve(pairs: readonly (readonly [number, number])[]) {
  const scores = [...new Set(pairs.map(([score]) => score))].sort((a, b) => b - a);
  const accepted = (label: number, least: number) =>
    pairs.filter(([score, same]) => same === label && score >= least).length;
  const points = scores.map((score) => ({ score, fp: accepted(0, score), tp: accepted(1, score) }));
  const straight = (key: 'fp' | 'tp', i: number) =>
    (points[i + 1]?.[key] ?? Number.NaN) -
      2 * (points[i]?.[key] ?? Number.NaN) +
      (points[i - 1]?.[key] ?? Number.NaN) ===
    0;
  const corners = points.filter((_, i) => !(straight('fp', i) && straight('tp', i)));
  const total = (label: number) => pairs.filter(([, same]) => same === label).length;
  return {
    far: [0, ...corners.map(({ fp }) => fp / total(0))],
    tar: [0, ...corners.map(({ tp }) => tp / total(1))],
    thresholds: [Number.POSITIVE_INFINITY, ...corners.map(({ score }) => score)],
  };
}
