import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stream } from '@headshare/core/system/random';
import { reference112 } from 'headshare-student/alignment';
import sharp from 'sharp';
import { faceSize } from '../training-records/training-records';
import { facesAsJpegs } from './example-faces';

export interface IjbExample {
  /** Default 8. */
  readonly people?: number;
  /** Templates of each person; default 2. */
  readonly templates?: number;
  /** Images in each template, the first two from one video; default 3. */
  readonly images?: number;
}

/** Side of the loose crops in pixels. */
const looseSize = 180;

/** Writes a tiny IJB-C of synthetic faces: `IJBC/meta/*` and `IJBC/loose_crop/*`, in insightface's layout. */
export async function writeIjbExample(folder: string, example: IjbExample = {}): Promise<void> {
  const { people = 8, templates = 2, images = 3 } = example;
  const faces = await facesAsJpegs({
    identities: people,
    imagesPerIdentity: templates * images,
    seed: 9,
    split: 'verification',
  });
  const meta = join(folder, 'IJBC', 'meta');
  const crops = join(folder, 'IJBC', 'loose_crop');
  for (const each of [meta, crops]) mkdirSync(each, { recursive: true });
  const [medias, points]: [string[], string[]] = [[], []];
  for (const [i, face] of faces.entries()) {
    const name = `${i + 1}.jpg`;
    const { crop, landmarks, score } = await looseCrop(face, i);
    writeFileSync(join(crops, name), crop);
    const [template, number] = [Math.floor(i / images), i % images];
    medias.push(`${name} ${templateId(template)} ${i - (number === 1 ? 1 : 0) + 100}`);
    points.push(`${name} ${landmarks.map((value) => value.toFixed(3)).join(' ')} ${score.toFixed(6)}`);
  }
  const count = people * templates;
  const pairs: string[] = [];
  for (let first = 0; first < count; first++) {
    for (let second = first + 1; second < count; second++) {
      const same = Math.floor(first / templates) === Math.floor(second / templates);
      pairs.push(`${templateId(first)} ${templateId(second)} ${Number(same)}`);
    }
  }
  const write = (name: string, lines: readonly string[]) => writeFileSync(join(meta, name), `${lines.join('\n')}\n`);
  write('ijbc_face_tid_mid.txt', medias);
  write('ijbc_name_5pts_score.txt', points);
  write('ijbc_template_pair_label.txt', pairs);
}

/** Ids in the real sets have gaps, too. */
const templateId = (template: number) => 3 * template + 1;

/** Puts an aligned face somewhere into a larger image, and moves its landmarks along. */
async function looseCrop(face: Buffer, number: number) {
  const random = stream(9, 'loose crop', number);
  const size = Math.round(random.uniform(0.8, 1.3) * faceSize);
  const [left, top] = [random.below(looseSize - size), random.below(looseSize - size)];
  const zoom = size / faceSize;
  const canvas = { width: looseSize, height: looseSize, channels: 3, background: { r: 90, g: 100, b: 110 } } as const;
  const crop = await sharp({ create: canvas })
    .composite([{ input: await sharp(face).resize(size, size).toBuffer(), left, top }])
    .jpeg({ quality: 95 })
    .toBuffer();
  // Pixel centres are at whole numbers.
  const moved = (value: number, offset: number) => (value + 0.5) * zoom - 0.5 + offset;
  const landmarks = reference112.map((value, i) => moved(value, i % 2 === 0 ? left : top));
  return { crop, landmarks, score: random.uniform(0.6, 1) };
}
