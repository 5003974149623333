import * as fc from 'fast-check';
import { embeddings, expected, flipped, images, rowsOf, templateFeatures } from '../../../test/ijbc-tiny';
import { groupImages, templateRows } from './group-images';
import { poolTemplates } from './pool-templates';

const plainly = { flip: true, norm: true, detector: false };
const only = (features: readonly Float64Array[]) => features[0] as Float64Array;

describe('groupImages', () => {
  it('makes a group for each media within each template', () => {
    const groups = groupImages({ templates: Int32Array.of(7, 7, -3, 7, 900), medias: Int32Array.of(2, 1, 2, 2, 5) });

    expect({ ...groups }).toEqual({
      templates: Int32Array.of(-3, 7, 900),
      bounds: Int32Array.of(0, 1, 3, 4),
      sizes: Int32Array.of(1, 1, 2, 1),
      groupOf: Int32Array.of(2, 1, 0, 2, 3),
    });
  });

  it('finds the templates and medias of a small set in IJB-C layout', () => {
    const groups = groupImages(images);

    expect([...groups.templates]).toEqual(expected.unique_templates);
    expect(groups.sizes).toHaveLength(expected.template_media_groups);
  });
});

describe('templateRows', () => {
  it.each([
    ['close together', [-3, 7, 900]],
    ['far apart', [-2e9, 5, 2e9]],
  ])('finds templates whose ids lie %s', (_, ids) => {
    const templates = Int32Array.from(ids);

    expect([...templateRows(templates, templates.slice().reverse())]).toEqual([2, 1, 0]);
    expect(() => templateRows(templates, Int32Array.of(ids[1] as number, 6))).toThrow(
      'Pair 1 (line 2 of the list of pairs) names template 6, which has no images.',
    );
  });
});

describe('poolTemplates', () => {
  const pool = async (
    values: readonly number[],
    dimension: number,
    templates: readonly number[],
    medias: readonly number[],
  ) =>
    only(
      await poolTemplates(
        { embeddings: rowsOf(Float32Array.from(values), dimension) },
        groupImages({ templates: Int32Array.from(templates), medias: Int32Array.from(medias) }),
        { variants: [plainly] },
      ),
    );

  it("gives the public script's template features", async () => {
    const [features = new Float64Array()] = await poolTemplates({ embeddings, flipped }, groupImages(images), {
      variants: [{ ...plainly, detector: true }],
      scores: images.scores,
    });

    expect(features).toHaveLength(templateFeatures.length);
    features.forEach((value, i) => {
      expect(Math.abs(value - (templateFeatures[i] as number))).toBeLessThan(1e-6);
    });
  });

  it('averages the images of a media before summing over medias', async () => {
    // Media 1: two images, mean (3, 0); media 2: (0, 4). Sum (3, 4).
    expect([...(await pool([2, 0, 0, 4, 4, 0], 2, [1, 1, 1], [1, 2, 1]))]).toEqual([0.6, 0.8]);
  });

  it('leaves a template of zeros zero', async () => {
    expect([...(await pool([0, 0, 5, 0], 2, [1, 2], [1, 1]))]).toEqual([0, 0, 1, 0]);
  });

  it('reads rows once and in order, a bounded number at a time', async () => {
    const count = 5000;
    const reads: [number, number][] = [];
    const rows = {
      images: count,
      dimension: 1,
      async read(from: number, size: number) {
        reads.push([from, size]);
        return new Float32Array(size).fill(2);
      },
    };
    const ids = Int32Array.from({ length: count }, (_, i) => i % 3);
    const variants = [{ ...plainly, norm: false }, plainly];
    const features = await poolTemplates({ embeddings: rows }, groupImages({ templates: ids, medias: ids }), {
      variants,
    });

    expect(features.map((values) => [...values])).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    let next = 0;
    for (const [from, size] of reads) {
      expect(from).toBe(next);
      next += size;
    }
    expect(next).toBe(count);
    expect(reads.length).toBeGreaterThan(1);
  });

  it('agrees with a plain implementation of the rule, in any order of the images', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
          minLength: 1,
          maxLength: 20,
        }),
        async (faces) => {
          const column = <T>(pick: (face: (typeof faces)[number]) => T) => faces.map(pick);
          const features = await pool(
            faces.flatMap(([, , x, y]) => [x, y]),
            2,
            column(([template]) => template),
            column(([, media]) => media),
          );
          expect([...features].map((value) => value + 0)).toEqual(plain(faces));
        },
      ),
    ));

  it.each([
    [[1, 2, Number.NaN, 4], 'The embedding of image 1 (line 2 of the list of faces) holds a value that is not finite.'],
    [[1, Number.POSITIVE_INFINITY, 3, 4], 'The embedding of image 0 (line 1 of the list of faces)'],
  ])('names the image of an embedding that is not finite', async (values, message) => {
    await expect(pool(values, 2, [1, 1], [1, 2])).rejects.toThrow(message);
  });

  it('names the image of a detector score that is not finite', async () => {
    const groups = groupImages({ templates: Int32Array.of(1), medias: Int32Array.of(1) });
    const pooled = poolTemplates({ embeddings: rowsOf(Float32Array.of(1), 1) }, groups, {
      variants: [{ ...plainly, detector: true }],
      scores: Float32Array.of(Number.NaN),
    });

    await expect(pooled).rejects.toThrow("The detector's score of image 0 (line 1 of the list of faces) is NaN");
  });

  it('needs an embedding for each image', async () => {
    await expect(pool([1, 2], 2, [1, 1], [1, 2])).rejects.toThrow(
      'There are embeddings of 1 images, but the list of faces has 2.',
    );
  });

  it('can be interrupted', async () => {
    const pooled = poolTemplates({ embeddings }, groupImages(images), {
      variants: [plainly],
      signal: AbortSignal.abort(),
    });

    await expect(pooled).rejects.toThrow('aborted');
  });
});

function plain(faces: readonly (readonly [template: number, media: number, x: number, y: number])[]): number[] {
  const ascending = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
  return ascending(faces.map(([template]) => template)).flatMap((template) => {
    const own = faces.filter((face) => face[0] === template);
    let [x, y] = [0, 0];
    for (const media of ascending(own.map((face) => face[1]))) {
      const group = own.filter((face) => face[1] === media);
      x += group.reduce((sum, face) => sum + face[2], 0) / group.length;
      y += group.reduce((sum, face) => sum + face[3], 0) / group.length;
    }
    const length = Math.sqrt(x * x + y * y) || 1;
    return [x / length + 0, y / length + 0];
  });
}
