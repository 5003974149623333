import type { ImageSource } from '@headshare/core/data/sources/image-source';
import { makeProgress } from '@headshare/core/system/progress';
import { openFaceFolders } from './face-folders';
import type { IdentitySelection } from './training-records/identities';
import {
  faceSize,
  openTrainingRecords,
  type TrainingRecords,
  type TrainingRecordsOptions,
} from './training-records/training-records';

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
  return openRecordsVisibly(folder, selection);
}

/** As `openTrainingRecords`; where the whole file must be read, a person sees how far that is. */
export async function openRecordsVisibly(folder: string, options: TrainingRecordsOptions): Promise<TrainingRecords> {
  const progress = makeProgress('records');
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  try {
    return await openTrainingRecords(folder, {
      ...options,
      onProgress: (done, total) =>
        progress.update({ done: mebibytes(done), total: mebibytes(total), unit: 'MiB', text: 'read through, once' }),
    });
  } finally {
    progress.clear();
  }
}
