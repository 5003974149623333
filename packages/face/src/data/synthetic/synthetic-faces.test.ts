import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultNuisance } from './appearance';
import { createRenderer } from './face-renderer';
import { identityOf } from './identity';
import { type SyntheticFacesOptions, syntheticFaces } from './synthetic-faces';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function pictures(options: Partial<SyntheticFacesOptions>): Promise<Uint8Array> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'faces-'));
  folders.push(cacheFolder);
  const faces = syntheticFaces({
    identities: 3,
    imagesPerIdentity: 4,
    size: 32,
    seed: 1,
    split: 'train',
    cacheFolder,
    ...options,
  });
  const images = new Uint8Array(faces.labels.length * 32 * 32 * 3);
  await faces.read(
    Array.from(faces.labels, (_, i) => i),
    images,
  );
  await faces.close();
  return images;
}

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

test('a seed gives these very pictures, however many threads draw them', async () => {
  expect(sha(await pictures({ threads: 1 }))).toBe('bc53647a47a4cd74');
  expect(sha(await pictures({ threads: 3 }))).toBe('bc53647a47a4cd74');
});

test('labels count the pictures of each person', () => {
  const faces = syntheticFaces({ identities: 2, imagesPerIdentity: 3, size: 16, seed: 1, split: 'train' });
  expect(Array.from(faces.labels)).toEqual([0, 0, 0, 1, 1, 1]);
  expect(faces.classes).toBe(2);
});

test('nobody is in both splits', () => {
  const people = (split: string) =>
    Array.from({ length: 200 }, (_, person) => JSON.stringify(identityOf(1, split, person, 1)));
  const train = new Set(people('train'));
  expect(people('verification').filter((person) => train.has(person))).toEqual([]);
});

test('one more person or picture changes none of the others', async () => {
  const few = await pictures({});
  const more = await pictures({ identities: 4 });
  expect(Buffer.from(more.subarray(0, few.length)).equals(Buffer.from(few))).toBe(true);
});

test('fingerprints tell splits, seeds and strengths apart', () => {
  const fingerprint = (options: Partial<SyntheticFacesOptions>) =>
    syntheticFaces({ identities: 2, imagesPerIdentity: 2, size: 16, seed: 1, split: 'train', ...options }).fingerprint;
  const all = [{}, { seed: 2 }, { split: 'verification' as const }, { pose: 0.5 }, { identitySpread: 0.5 }].map(
    fingerprint,
  );
  expect(new Set(all).size).toBe(all.length);
});

test('without nuisance all pictures of a person are one picture, of different people different ones', () => {
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
    // Background and clothes are anybody's, whatever the strengths.
    return sha(image.subarray(24 * 144 + 45, 24 * 144 + 99));
  };
  expect(centre(0)).toBe(centre(1));
  expect(centre(0)).not.toBe(centre(2));
});
