import { faceCaseBytes, faceCaseText } from '../../test/face-cases';
import { countAccepted, foldBounds } from './folds';
import { meanNorm, pairScores } from './pair-distances';
import { type LabelledDistances, tenFoldAccuracy, validationRate } from './ten-fold';

interface Expected {
  readonly pairs: number;
  readonly dim: number;
  readonly issame: number[];
  readonly results: Record<string, ExpectedResult> & { readonly xnorm: number };
}
interface ExpectedResult {
  readonly accuracy_per_fold: number[];
  readonly accuracy_mean: number;
  readonly accuracy_std: number;
  readonly val: number;
  readonly val_std: number;
  readonly far: number;
  readonly best_threshold_per_fold: number[];
  readonly best_threshold_index_per_fold: number[];
  readonly tpr_mean_every_20: number[];
  readonly fpr_mean_every_20: number[];
  readonly val_threshold_per_fold: number[];
  readonly distance_head: number[];
  readonly distance_sum: number;
}

const expected = JSON.parse(faceCaseText('bin/expected.json')) as Expected;
const embeddings = new Float32Array(faceCaseBytes('bin/embeddings.f32'));
const flipped = new Float32Array(faceCaseBytes('bin/embeddings_flip.f32'));
const pairs = {
  left: expected.issame.map((_, k) => 2 * k),
  right: expected.issame.map((_, k) => 2 * k + 1),
};

// Named `flip_sum` or `first_view_only`, with `_<n>_folds` unless there are ten.
const cases = Object.keys(expected.results).flatMap((name) => {
  const [, views, folds = '10'] = /^(flip_sum|first_view_only)(?:_(\d+)_folds?)?$/.exec(name) ?? [];
  if (views === undefined) return [];
  const images = { embeddings, ...(views === 'flip_sum' && { flipped }), dimension: expected.dim };
  return [{ name, folds: Number(folds), images }];
});

/** Mean shares, over the folds, of genuine and impostor pairs accepted at the distances 0, 0.01 ... 3.99. */
function foldRates({ distance, same, bounds }: LabelledDistances): { tar: number[]; far: number[] } {
  const grid = { step: 0.01, thresholds: 400 };
  const folds = Array.from({ length: bounds.length - 1 }, (_, f) =>
    countAccepted(distance, same, bounds[f] as number, bounds[f + 1] as number, grid),
  );
  const mean = (share: (fold: (typeof folds)[number], i: number) => number) =>
    Array.from(
      { length: grid.thresholds },
      (_, i) => folds.reduce((sum, fold) => sum + share(fold, i), 0) / folds.length,
    );
  return {
    tar: mean(({ acceptedGenuine, genuine }, i) => (acceptedGenuine[i] as number) / genuine),
    far: mean(({ acceptedImpostor, impostor }, i) => (acceptedImpostor[i] as number) / impostor),
  };
}

describe("the public verification.py's results", () => {
  it('are all covered by the cases', () => {
    expect(Object.keys(expected.results).filter((name) => name !== 'xnorm')).toHaveLength(cases.length);
  });

  it.each(cases)('$name', ({ name, folds, images }) => {
    const result = expected.results[name] as ExpectedResult;
    const { distance } = pairScores(images, images, pairs);
    const labelled = { distance, same: expected.issame, bounds: foldBounds(expected.pairs, folds) };

    result.distance_head.forEach((value, k) => {
      expect(distance[k]).toBeCloseTo(value, 12);
    });
    expect(distance.reduce((sum, value) => sum + value, 0)).toBeCloseTo(result.distance_sum, 10);

    const accuracy = tenFoldAccuracy(labelled);
    expect(accuracy.perFold).toEqual(result.accuracy_per_fold);
    expect(accuracy.thresholds).toEqual(result.best_threshold_per_fold);
    expect(accuracy.thresholds).toEqual(result.best_threshold_index_per_fold.map((i) => i * 0.01));
    expect(accuracy.mean).toBeCloseTo(result.accuracy_mean, 15);
    expect(accuracy.std).toBeCloseTo(result.accuracy_std, 15);

    const { tar, far } = foldRates(labelled);
    const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 14));
    expect(tar.filter((_, i) => i % 20 === 0)).toEqual(close(result.tpr_mean_every_20));
    expect(far.filter((_, i) => i % 20 === 0)).toEqual(close(result.fpr_mean_every_20));

    const rate = validationRate(labelled);
    expect(rate?.thresholds).toHaveLength(folds);
    expect(rate?.val).toBeCloseTo(result.val, 15);
    expect(rate?.std).toBeCloseTo(result.val_std, 15);
    expect(rate?.far).toBeCloseTo(result.far, 15);
    rate?.thresholds.forEach((threshold, f) => {
      expect(threshold).toBeCloseTo(result.val_threshold_per_fold[f] as number, 12);
    });
  });
});

it('gives the mean norm of the embeddings', () => {
  expect(meanNorm({ embeddings, flipped, dimension: expected.dim })).toBeCloseTo(expected.results.xnorm, 10);
});

describe('tenFoldAccuracy', () => {
  it('takes the lowest of equally good thresholds', () => {
    // Every threshold from 0.51 to 1.49 separates the other fold; with each of them, a pair at 0.505 counts as the same.
    const distance = [0.5, 1.5, 0.505, 1.5];
    const result = tenFoldAccuracy({ distance, same: [1, 0, 1, 0], bounds: foldBounds(4, 2) });

    expect(result.thresholds).toEqual([0.51, 0.51]);
    expect(result.perFold).toEqual([1, 1]);
  });

  it('accepts strictly below the threshold', () => {
    const result = tenFoldAccuracy({ distance: [0.5, 0.5, 0.51], same: [1, 1, 0], bounds: foldBounds(3, 1) });

    expect(result.thresholds).toEqual([0.51]);
    expect(result.mean).toBe(1);
  });

  it('needs a label for each distance', () => {
    expect(() => tenFoldAccuracy({ distance: [1, 2], same: [1], bounds: foldBounds(2, 1) })).toThrow(
      '2 distances, but 1 labels',
    );
  });
});

describe('validationRate', () => {
  it('is undefined if a fold has no impostor pair', () => {
    expect(validationRate({ distance: [0, 1], same: [1, 1], bounds: foldBounds(2, 1) })).toBeUndefined();
  });

  it('accepts no pair if the target cannot be reached', () => {
    const rate = validationRate({ distance: [0.5, 4], same: [1, 0], bounds: foldBounds(2, 1) });

    expect(rate).toEqual({ val: 0, std: 0, far: 0, thresholds: [0] });
  });
});

describe('foldBounds', () => {
  it('gives the first folds one pair more', () => {
    expect([...foldBounds(11, 3)]).toEqual([0, 4, 8, 11]);
  });

  it('needs a pair for each fold', () => {
    expect(() => foldBounds(4, 10)).toThrow('4 pairs cannot be divided into 10 folds');
  });
});
