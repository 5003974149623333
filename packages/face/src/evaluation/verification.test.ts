import { pairScores, unitEmbeddings } from './pair-distances';
import { verificationMetrics, verify, verifyAcrossModels } from './verification';

/** Two people, two images each; the second model's embeddings are a rotation of the first model's. */
const gallery = { embeddings: Float32Array.of(1, 0, 2, 0, 0, 3, 0, 4), dimension: 2 };
const probe = { embeddings: Float32Array.of(3, 4, 3, 4, -4, 3, -4, 3), dimension: 2 };
const pairs = { left: [0, 0, 2, 1], right: [1, 2, 3, 3], same: [1, 0, 1, 0], folds: 2 };

describe('unitEmbeddings', () => {
  it('adds the mirror image and scales to length 1, and leaves zeros unchanged', () => {
    const embeddings = Float32Array.of(3, 0, 1, 1);
    const flipped = Float32Array.of(0, 4, -1, -1);

    expect([...unitEmbeddings({ embeddings, flipped, dimension: 2 })]).toEqual([0.6, 0.8, 0, 0]);
  });

  it('names the image whose embedding is not finite', () => {
    const embeddings = Float32Array.of(1, 2, 3, Number.NaN);

    expect(() => unitEmbeddings({ embeddings, dimension: 2 })).toThrow('The embedding of image 1 holds a value');
  });
});

describe('pairScores', () => {
  it('gives squared distance and cosine of unit vectors', () => {
    expect(pairScores(gallery, gallery, pairs)).toEqual({
      distance: Float64Array.of(0, 2, 0, 2),
      cosine: Float64Array.of(1, 0, 1, 0),
    });
  });

  it('takes the left image from one model and the right one from the other', () => {
    expect([...pairScores(gallery, probe, pairs).cosine]).toEqual([0.6, -0.8, 0.6, -0.8]);
    expect([...pairScores(probe, gallery, pairs).cosine]).toEqual([0.6, 0.8, 0.6, 0.8]);
  });

  it.each([
    ['a row that does not exist', { left: [0], right: [4] }, 'Pair 0 names image 4, but there are 4 images'],
    ['sides of different length', { left: [0], right: [] }, '1 left but 0 right images'],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => pairScores(gallery, gallery, wrong)).toThrow(message);
  });

  it('refuses models of different dimension', () => {
    expect(() => pairScores(gallery, { ...probe, dimension: 4 }, pairs)).toThrow(
      'Embeddings of 2 and of 4 dimensions cannot be compared',
    );
  });
});

describe('verify', () => {
  it('is perfect for a model that separates all pairs', () => {
    const { roc, ...result } = verify({ ...gallery, pairs });

    expect(result).toMatchObject({
      genuine: 2,
      impostor: 2,
      accuracy: 1,
      accuracyStd: 0,
      auc: 1,
      eer: 0,
    });
    expect(result.tarAtFar['1e-4'].measurable).toBe(false);
    expect(roc.tar.at(-1)).toBe(1);
  });
});

describe('verifyAcrossModels', () => {
  it('counts each pair in both directions', () => {
    // With the gallery on the left, all pairs are right (AUC 1); with the gallery on the right, none is (AUC 0).
    expect(verifyAcrossModels({ gallery, probe, pairs })).toMatchObject({
      genuine: 4,
      impostor: 4,
      auc: 0.5,
      accuracy: 0.75,
    });
  });

  it('is ordinary verification if both models are the same', () => {
    expect(verifyAcrossModels({ gallery, probe: gallery, pairs })).toMatchObject({ accuracy: 1, auc: 1, eer: 0 });
  });
});

describe('verificationMetrics', () => {
  it('names the values for logging, and omits values that cannot be measured', () => {
    expect(verificationMetrics(verify({ ...gallery, pairs }), 'same/')).toEqual({
      'same/accuracy': 1,
      'same/val_at_far_1e-3': 1,
      'same/auc': 1,
      'same/eer': 0,
    });
  });
});
