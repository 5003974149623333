import { join } from 'node:path';
import { exampleImage, writeClassFolders, writeInto } from '@headshare/core/data/example/class-folders';
import { matFile } from './mat-writer';

/** WordNet ids in the order of the development kit's numbers, which differs from that of the labels. */
export const exampleIds = ['n02119789', 'n01440764', 'n03018349'] as const;

export interface ImageNetExample {
  /** Validation images in class folders, or (default) as distributed: in one folder with the development kit. */
  readonly validation?: 'by-class' | 'flat';
  /** Adds a training image that cannot be read. */
  readonly corrupt?: boolean;
  /** Whether meta.mat is compressed, as MATLAB does; default true. */
  readonly compress?: boolean;
}

/** The index in `exampleIds` of the class of validation image i (from 0). */
export const exampleTruth = (i: number): number => (2 * i + 1) % exampleIds.length;

/** Writes an ImageNet of three classes, five images each for training and six in all for validation. */
export async function writeImageNetExample(folder: string, options: ImageNetExample = {}): Promise<void> {
  const { validation = 'flat', corrupt = false, compress = true } = options;
  await writeClassFolders(join(folder, 'train'), {
    classNames: exampleIds,
    path: (id, i) => `${id}/${id}_${10 * i + 2}.JPEG`,
    corrupt: corrupt ? `${exampleIds[0]}/${exampleIds[0]}_99.JPEG` : undefined,
  });
  const truth = Array.from({ length: 6 }, (_, i) => exampleTruth(i));
  for (const [i, label] of truth.entries()) {
    const name = `ILSVRC2012_val_${String(i + 1).padStart(8, '0')}.JPEG`;
    const below = validation === 'flat' ? name : join(exampleIds[label] as string, name);
    await writeInto(join(folder, 'val', below), await exampleImage(label, i));
  }
  if (validation === 'by-class') return;
  const kit = join(folder, 'ILSVRC2012_devkit_t12/data');
  const numbers = truth.map((label) => label + 1);
  await writeInto(join(kit, 'ILSVRC2012_validation_ground_truth.txt'), `${numbers.join('\n')}\n`);
  const rows = exampleIds.map((id, i) => ({ ILSVRC2012_ID: i + 1, WNID: id, words: `example ${i}`, num_children: 0 }));
  await writeInto(join(kit, 'meta.mat'), matFile('synsets', rows, compress));
}
