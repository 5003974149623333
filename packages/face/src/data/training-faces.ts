import type { ImageSource } from '@headshare/core/data/image-source';
import { makeProgress } from '@headshare/core/train/progress';
import { openFaceFolders } from './face-folders';
import type { IdentitySelection } from './training-records/identities';
import { faceSize, openTrainingRecords } from './training-records/training-records';

export interface TrainingFaces {
  readonly source: ImageSource;
  /** Side of the images that networks see. */
  readonly size: number;
}

/** Real faces to train on. @throws UserError for data that is missing or damaged */
export async function openTrainingFaces(
  dataset: 'ms1m' | 'folder',
  folder: string,
  selection: IdentitySelection,
): Promise<TrainingFaces> {
  if (dataset === 'folder') return { source: await openFaceFolders(folder, selection), size: faceSize };
  const progress = makeProgress('records');
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  try {
    return await openTrainingRecords(folder, {
      ...selection,
      onProgress: (done, total) =>
        progress.update({ done: megabytes(done), total: megabytes(total), unit: 'MiB', text: 'reading labels, once' }),
    });
  } finally {
    progress.clear();
  }
}
