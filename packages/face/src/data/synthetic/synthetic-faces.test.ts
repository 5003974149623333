import { renderedImages, shortDigest } from '@headshare/core/test/rendered-images';
import { defaultNuisance } from './appearance';
import { createRenderer } from './face-renderer';
import { identityOf } from './identity';
import { type SyntheticFacesOptions, syntheticFaces } from './synthetic-faces';

const images = (options: Partial<SyntheticFacesOptions>): Promise<Uint8Array> =>
  renderedImages((cacheFolder) =>
    syntheticFaces({ identities: 3, imagesPerIdentity: 4, size: 32, seed: 1, split: 'train', cacheFolder, ...options }),
  );

test('the images depend on the seed and not on the number of threads', async () => {
  expect(shortDigest(await images({ threads: 1 }))).toBe('bc53647a47a4cd74');
  expect(shortDigest(await images({ threads: 3 }))).toBe('bc53647a47a4cd74');
});

test('labels are the numbers of people', () => {
  const faces = syntheticFaces({ identities: 2, imagesPerIdentity: 3, size: 16, seed: 1, split: 'train' });
  expect(Array.from(faces.labels)).toEqual([0, 0, 0, 1, 1, 1]);
  expect(faces.classes).toBe(2);
});

test('splits have no person in common', () => {
  const people = (split: string) =>
    Array.from({ length: 200 }, (_, person) => JSON.stringify(identityOf(1, split, person, 1)));
  const train = new Set(people('train'));
  expect(people('verification').filter((person) => train.has(person))).toEqual([]);
});

test('one more person changes none of the others', async () => {
  const few = await images({});
  const more = await images({ identities: 4 });
  expect(Buffer.from(more.subarray(0, few.length)).equals(Buffer.from(few))).toBe(true);
});

test('fingerprints differ by split, seed and strength', () => {
  const fingerprint = (options: Partial<SyntheticFacesOptions>) =>
    syntheticFaces({ identities: 2, imagesPerIdentity: 2, size: 16, seed: 1, split: 'train', ...options }).fingerprint;
  const all = [{}, { seed: 2 }, { split: 'verification' as const }, { pose: 0.5 }, { identitySpread: 0.5 }].map(
    fingerprint,
  );
  expect(new Set(all).size).toBe(all.length);
});

test('without nuisance all images of a person are equal, and those of different people differ', () => {
  const none = Object.fromEntries(Object.keys(defaultNuisance).map((cause) => [cause, 0]));
  const nuisance = { ...defaultNuisance, ...none };
  const render = createRenderer({
    options: { imagesPerIdentity: 2, split: 'train', identitySpread: 1, nuisance },
    size: 48,
    seed: 1,
  });
  const centre = (index: number) => {
    const image = new Uint8Array(48 * 48 * 3);
    render(index, image);
    // Background and clothes vary at any strength.
    return shortDigest(image.subarray(24 * 144 + 45, 24 * 144 + 99));
  };
  expect(centre(0)).toBe(centre(1));
  expect(centre(0)).not.toBe(centre(2));
});
