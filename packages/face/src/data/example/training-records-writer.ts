import { join } from 'node:path';
import { frame } from '@headshare/core/data/record-io/frame';
import { recordIndexText } from '@headshare/core/data/record-io/index-file';
import { packImage } from '@headshare/core/data/record-io/record-image';
import { writeAtomically } from '@headshare/core/system/write-atomically';

/**
 * Writes `train.rec`, `train.idx` and `property` as insightface's builder does: images with keys from 1 on, then a record
 * for each identity with the keys of its images, then key 0 with the keys of the identity records.
 * @param faces encoded images in the order of their identities: 0, 0, 1, 1, 1 ...
 */
export function writeTrainingRecords(
  folder: string,
  faces: readonly { readonly identity: number; readonly image: Uint8Array }[],
  size: number,
): void {
  const images = faces.length;
  const ranges: [number, number][] = [];
  for (const [i, { identity }] of faces.entries()) {
    const range = ranges[identity];
    if (range) range[1] = i + 2;
    else if (identity === ranges.length) ranges.push([i + 1, i + 2]);
    else throw new RangeError(`Image ${i} has identity ${identity}, but the next new identity is ${ranges.length}`);
  }
  const records = [
    ...faces.map(({ identity, image }, i) => ({ key: i + 1, label: identity, image })),
    ...ranges.map((label, i) => ({ key: images + 1 + i, label })),
    { key: 0, label: [images + 1, images + 1 + ranges.length], id2: 1 },
  ];
  const framed = records.map(({ key, ...content }) => frame(packImage({ ...content, id: key })));
  const offsets = new Float64Array(records.length);
  for (let i = 1; i < records.length; i++) offsets[i] = (offsets[i - 1] as number) + (framed[i - 1] as Buffer).length;
  const index = recordIndexText({ keys: Float64Array.from(records, ({ key }) => key), offsets });
  writeAtomically(join(folder, 'train.rec'), framed);
  writeAtomically(join(folder, 'train.idx'), [index]);
  writeAtomically(join(folder, 'property'), [`${ranges.length},${size},${size}`]);
}
