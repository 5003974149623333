import type { ImageSource } from '@headshare/core/data/sources/image-source';
import { makeProgress } from '@headshare/core/system/progress';
import { openFaceFolders } from './face-folders';
import type { IdentitySelection } from './training-records/select-identities';
import {
  faceSize,
  openTrainingRecords,
  type TrainingRecords,
  type TrainingRecordsOptions,
} from './training-records/training-records';

/** Opens real faces to train on; `size` is the side of the images in pixels. @throws UserError for missing or damaged data */
export async function openTrainingFaces(
  dataset: 'ms1m' | 'folder',
  folder: string,
  selection: IdentitySelection,
): Promise<{ readonly source: ImageSource; readonly size: number }> {
  if (dataset === 'folder') return { source: await openFaceFolders(folder, selection), size: faceSize };
  return openRecordsVisibly(folder, selection);
}

/** `openTrainingRecords` with a progress bar, shown if the whole file must be read. */
export async function openRecordsVisibly(folder: string, options: TrainingRecordsOptions): Promise<TrainingRecords> {
  const progress = makeProgress('records');
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  try {
    return await openTrainingRecords(folder, {
      ...options,
      onProgress: (done, total) =>
        progress.update({ done: mebibytes(done), total: mebibytes(total), unit: 'MiB', text: 'listed, once' }),
    });
  } finally {
    progress.clear();
  }
}
