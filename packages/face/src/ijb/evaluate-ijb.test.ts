import { embeddings, expected, flipped, images, pairs, scores } from '../../test/ijbc-tiny';
import { evaluateIjb, type IjbFar, ijbFars, scorePairs } from './evaluate-ijb';

const set = { images, pairs, embeddings, flipped };

describe("the public script's results", () => {
  const variants = Object.entries(expected.variants).map(([name, variant]) => ({
    name,
    variant,
    switches: { flip: name.includes('F1'), norm: name.includes('N1'), detector: name.includes('D1') },
  }));

  it('are of all eight combinations of switches', () => {
    expect(variants).toHaveLength(8);
  });

  it.each(variants)('$name', async ({ variant, switches }) => {
    const found = await scorePairs({ ...set, ...switches });
    variant.first_10_scores.forEach((score, pair) => {
      expect(found[pair]).toBeCloseTo(score, 6);
    });
    expect(found.reduce((sum, score) => sum + score, 0)).toBeCloseTo(variant.score_sum, 4);

    const result = await evaluateIjb({ ...set, ...switches });
    for (const far of ijbFars) {
      const { tar, at_fpr } =
        Object.entries(variant.tar_at_far).find(([key]) => Number(key) === Number(far))?.[1] ?? {};
      expect(result.tarAtFar[far]).toMatchObject({ tar, reachedFar: at_fpr });
    }
    expect(result.auc).toBeCloseTo(variant.auc, 12);
  });

  it('have the same scores', async () => {
    const found = await scorePairs(set);

    found.forEach((score, pair) => {
      expect(Math.abs(score - (scores[pair] as number))).toBeLessThan(1e-6);
    });
  });
});

describe('evaluateIjb', () => {
  it('counts', async () => {
    const { counts } = await evaluateIjb(set);

    expect(counts).toEqual({ images: 200, templates: 30, medias: 125, pairs: 600, genuine: 52, impostor: 548 });
  });

  it('says which rates this many pairs can tell', async () => {
    const { tarAtFar } = await evaluateIjb(set);
    const measurable = (far: IjbFar) => tarAtFar[far].measurable;

    expect([measurable('1e-3'), measurable('1e-2')]).toEqual([false, true]);
  });
});
