import type { ImageDataset } from '@headshare/core/data/dataset';
import { augmented } from '@headshare/core/data/loading/augmented';
import { isSource, type OpenedData } from '@headshare/core/data-check/data-kind';
import { defaultDataFolder, refuseUnusedData } from '@headshare/core/experiment/data-folder';
import { imageFilesTask, splitTraining, syntheticTask } from '@headshare/core/recipes/classification';
import { sides } from '@headshare/core/system/image-size';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import type { Task } from '@headshare/core/train/evaluation/task';
import { syntheticShapes } from './data/synthetic/synthetic-shapes';
import { dataKind } from './datasets';
import { type DataValues, dataOptions } from './options';

/** Training on the images of --dataset, with the augmentation that is published for them. */
export async function imageTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('imagenet'), verifyData: verify } = options;
  if (dataset === 'shapes') {
    refuseUnusedData(options);
    return syntheticTask(syntheticShapes, options);
  }
  const opened = await dataKind(dataset).open(data, { verify });
  const { train, test, testNote, remarks: notes } = opened;
  if (!train || !test) throw new RangeError(`${dataset} has no training or test images`);
  if (isSource(train)) {
    if (!isSource(test)) throw new RangeError(`${dataset} has training images in files, but test images in memory`);
    return imageFilesTask({ train, test, ...(testNote && { testNote }), ...(notes && { notes }) }, options, data);
  }
  if (isSource(test)) throw new RangeError(`${dataset} has test images in files, but training images in memory`);
  return inMemoryTask({ ...opened, train, test }, options, data);
}

/** Images in memory with random flips, and crops after padding by an eighth of the size. */
function inMemoryTask(
  {
    train: images,
    test,
    classNames,
    other,
    remarks = [],
  }: OpenedData & Readonly<Record<'train' | 'test', ImageDataset>>,
  options: DataValues,
  from: string,
): Task {
  const { train, ...rest } = splitTraining(images, options, () => images);
  const { height, width } = sides(images.size);
  return classificationTask({
    ...rest,
    train: augmented(train, { flip: true, crop: { pad: Math.round(Math.min(height, width) / 8) } }),
    test,
    classNames,
    from,
    notes: [...(other === undefined ? [] : [other]), ...remarks, ...unusedOptions(options, images)],
  });
}

/** Sentences about options that have an effect on images in files alone. */
function unusedOptions(options: DataValues, { size }: ImageDataset): readonly string[] {
  const { imageSize, colorJitter, randAugment, randomErasing } = options;
  const augments = colorJitter > 0 || randAugment > 0 || randomErasing > 0;
  return [
    ...(imageSize !== size && imageSize !== dataOptions.imageSize.default
      ? [`The images of ${options.dataset} stay ${size} pixels in size: --image-size has no effect.`]
      : []),
    ...(augments ? [`Images in memory, as of ${options.dataset}, are only flipped and cropped at random.`] : []),
  ];
}
