import fc from 'fast-check';
import { tinyImages } from '../../test/tiny-training';
import { imageBytes } from './dataset';
import { shareOf, splitIndices, subset } from './split';

test('holds out the same tenth of every class every time', () => {
  const labels = Int32Array.from({ length: 60 }, (_, i) => (i < 40 ? 0 : i < 59 ? 1 : 2));
  const { train, heldOut } = splitIndices({ name: 'images', labels, classes: 4 }, 0.1);
  const counts = (indices: Int32Array) => [0, 1, 2, 3].map((c) => indices.filter((i) => labels[i] === c).length);
  // The only image of a class is a training image.
  expect(counts(heldOut)).toEqual([4, 2, 0, 0]);
  expect(counts(train)).toEqual([36, 17, 1, 0]);
  expect(Array.from(heldOut)).toEqual(Array.from(splitIndices({ name: 'other', labels, classes: 4 }, 0.1).heldOut));
  expect(() => splitIndices({ name: 'images', labels: Int32Array.of(0, 1), classes: 2 }, 0.5)).toThrow(
    'Cannot hold out images of images: no class has two images',
  );
});

test('a share of the images is the same share of every class, and at least one image', () => {
  const labels = Int32Array.from({ length: 61 }, (_, i) => (i < 40 ? 0 : i < 60 ? 1 : 2));
  const used = shareOf({ labels, classes: 3 }, 0.15);
  expect([0, 1, 2].map((label) => used.filter((i) => labels[i] === label).length)).toEqual([6, 3, 1]);
  expect(Array.from(used)).toEqual(Array.from(shareOf({ labels, classes: 3 }, 0.15)));
  expect(Array.from(used)).toEqual(Array.from(used).sort((a, b) => a - b));
  expect(Array.from(shareOf({ labels, classes: 3 }, 1))).toEqual(Array.from(labels.keys()));
});

test('every image is in one part, and no class is held out completely', () => {
  const labelled = fc.array(fc.nat(4), { minLength: 6, maxLength: 60 }).map((labels) => Int32Array.from(labels));
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(labelled, share, (labels, part) => {
      const { train, heldOut } = splitIndices({ name: 'images', labels, classes: 5 }, part);
      expect([...train, ...heldOut].sort((a, b) => a - b)).toEqual(Array.from(labels, (_, i) => i));
      expect(new Set(Array.from(train, (i) => labels[i]))).toEqual(new Set(labels));
    }),
    { seed: 1 },
  );
});

test('image i of a subset is the image of its i-th index', async () => {
  const whole = tinyImages('train', 8);
  const part = subset(whole, 'part', Int32Array.of(1, 6));
  expect(Array.from(part.labels)).toEqual([1, 2]);
  expect(part.fingerprint).not.toBe(subset(whole, 'part', Int32Array.of(1, 5)).fingerprint);
  const [ours, theirs] = [new Uint8Array(imageBytes(whole)), new Uint8Array(imageBytes(whole))];
  await part.read([1], ours);
  await whole.read([6], theirs);
  expect(ours).toEqual(theirs);
  const augmentation = { settings: {}, mirrors: (index: number) => index === 6 };
  const mirroring = subset({ ...whole, augmentation }, 'part', Int32Array.of(1, 6));
  expect([0, 1].map((i) => mirroring.augmentation?.mirrors?.(i, { seed: 1, epoch: 0 }))).toEqual([false, true]);
  await expect(part.read([2], ours)).rejects.toThrow('part has no image 2: indices run from 0 to 1');
});
