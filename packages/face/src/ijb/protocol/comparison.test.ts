import {
  embeddings,
  evaluateIjb,
  expected,
  flipped,
  images,
  pairs,
  rowsOf,
  scorePairs,
  scores,
} from '../../../test/ijbc-tiny';
import { ijbComparison } from './comparison';
import { ijbFars } from './ijb-result';
import { publishedSwitches } from './pool-templates';

const set = { images, pairs, embeddings, flipped };

describe("the public script's results", () => {
  const variants = Object.entries(expected.variants).map(([name, variant]) => ({
    name,
    variant,
    switches: { flip: name.includes('F1'), norm: name.includes('N1'), detector: name.includes('D1') },
  }));

  it('cover combinations of switches', () => {
    expect(variants.length).toBeGreaterThan(0);
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

describe('the comparison', () => {
  it('counts images, templates, medias and pairs', async () => {
    const { counts } = await evaluateIjb(set);

    expect(counts).toEqual({
      images: expected.images,
      templates: expected.templates,
      medias: expected.template_media_groups,
      pairs: expected.pairs,
      genuine: expected.genuine,
      impostor: expected.pairs - expected.genuine,
    });
  });

  it('marks the rates that have enough pairs', async () => {
    const { tarAtFar, counts } = await evaluateIjb(set);

    for (const far of ijbFars) expect(tarAtFar[far].measurable).toBe(counts.impostor >= Math.round(1 / Number(far)));
  });

  it('reports progress of pooling', async () => {
    const progress: string[] = [];
    await ijbComparison(set).pool(set, [publishedSwitches], {
      onProgress: (done, total) => progress.push(`${done}/${total}`),
    });

    const beginnings = Array.from({ length: Math.ceil(expected.images / 2048) }, (_, i) => 2048 * i);
    expect(progress).toEqual(beginnings.map((done) => `${done}/${expected.images}`));
  });
});

describe('pairs', () => {
  it('score the same to the last bit in either direction', async () => {
    const swapped = { ...pairs, first: pairs.second, second: pairs.first };

    expect(await scorePairs({ ...set, pairs: swapped })).toEqual(await scorePairs(set));
  });

  it('may come in any order', async () => {
    const reversed = {
      first: pairs.first.slice().reverse(),
      second: pairs.second.slice().reverse(),
      same: pairs.same.slice().reverse(),
    };

    expect(await evaluateIjb({ ...set, pairs: reversed })).toEqual(await evaluateIjb(set));
  });

  it('must have templates with images', async () => {
    const none = Math.max(...expected.unique_templates) + 1;
    const wrong = { ...pairs, second: pairs.second.with(4, none) };

    await expect(evaluateIjb({ ...set, pairs: wrong })).rejects.toThrow(
      `Pair 4 (line 5 of the list of pairs) names template ${none}, which has no images.`,
    );
  });
});

describe('a gallery embedded by another model', () => {
  const row = (...values: number[]) => rowsOf(Float32Array.from(values), 2);
  const small = {
    images: { templates: Int32Array.of(1, 2), medias: Int32Array.of(1, 2), scores: Float32Array.of(1, 1) },
    pairs: { first: Int32Array.of(1, 2), second: Int32Array.of(2, 1), same: Uint8Array.of(1, 0) },
    embeddings: row(1, 0, 0, 1),
  };

  it('is the first template of each pair', async () => {
    expect([...(await scorePairs({ ...small, gallery: { embeddings: row(3, 4, 4, -3) } }))]).toEqual([0.8, 0.8]);
  });

  it('changes nothing if it is the same model', async () => {
    const both = { ...set, gallery: { embeddings, flipped } };

    expect(await scorePairs(both)).toEqual(await scorePairs(set));
  });

  it('must have the same dimension', async () => {
    const gallery = { embeddings: rowsOf(Float32Array.of(1, 2), 1) };

    await expect(scorePairs({ ...small, gallery })).rejects.toThrow(
      "The gallery's embeddings have 1 dimensions and the probes' 2: they cannot be compared.",
    );
  });
});
