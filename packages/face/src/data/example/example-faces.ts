import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PickledPair, pickle } from '@headshare/core/data/example/pickle-writer';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import sharp from 'sharp';
import { generatePairs } from '../synthetic/generate-pairs';
import { type SyntheticFacesOptions, syntheticFaces } from '../synthetic/synthetic-faces';
import { faceSize } from '../training-records/training-records';
import { writeTrainingRecords } from './training-records-writer';

export interface FacesExample {
  /** People to train on, and images of each; default 16 and 10. */
  readonly identities?: number;
  readonly imagesPerIdentity?: number;
  /** Names of verification sets. */
  readonly sets?: readonly string[];
  /** Genuine pairs in each set, and as many impostor pairs; a multiple of 10, default 50. */
  readonly pairs?: number;
}

/** People in a verification set, and images of each. */
const probes = { identities: 20, imagesPerIdentity: 6 };

/** Synthetic faces as JPEGs, in the order of their data set. */
export async function facesAsJpegs(
  options: Omit<SyntheticFacesOptions, 'size' | 'cacheFolder'>,
): Promise<readonly Buffer[]> {
  const size = faceSize;
  // An example is rendered only once: the common cache would keep its images for nothing.
  const cacheFolder = makeProcessFolder('headshare-example-');
  const faces = syntheticFaces({ ...options, size, cacheFolder });
  try {
    const jpegs: Buffer[] = [];
    for (let i = 0; i < faces.labels.length; i++) {
      const pixels = new Uint8Array(size * size * 3);
      await faces.read([i], pixels);
      const image = sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
      jpegs.push(await image.jpeg({ quality: 95 }).toBuffer());
    }
    return jpegs;
  } finally {
    await faces.close();
    await rm(cacheFolder, { recursive: true, force: true });
  }
}

/** Writes a tiny MS1M of synthetic faces with verification sets, in the layouts that insightface distributes. */
export async function writeFacesExample(folder: string, example: FacesExample = {}): Promise<void> {
  const { identities = 16, imagesPerIdentity = 10, sets = ['lfw', 'cfp_fp', 'agedb_30'], pairs = 50 } = example;
  const train = await facesAsJpegs({ identities, imagesPerIdentity, seed: 1, split: 'train' });
  const faces = train.map((image, i) => ({ identity: Math.floor(i / imagesPerIdentity), image }));
  writeTrainingRecords(folder, faces, faceSize);
  for (const [number, name] of sets.entries()) {
    const seed = 2 + number;
    const images = await facesAsJpegs({ ...probes, seed, split: 'verification' });
    writeAtomically(join(folder, `${name}.bin`), [pickledPairs(images, pairs, seed)]);
  }
}

/** insightface's layout: images 2k and 2k + 1 are pair k. */
function pickledPairs(images: readonly Buffer[], count: number, seed: number): Buffer {
  const { left, right, same } = generatePairs({ ...probes, genuine: count, impostor: count, seed });
  const paired = Array.from(left).flatMap((first, pair) => [first, right[pair] as number]);
  const jpegs = paired.map((i) => images[i] as Buffer);
  return pickle(new PickledPair([jpegs, Array.from(same, (value) => value === 1)]));
}
