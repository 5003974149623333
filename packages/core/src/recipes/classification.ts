/** Classification packages: their options, data, held-out images and reports. */
import type { ImageDataset } from '../data/dataset';
import { augmented } from '../data/loading/augmented';
import { pipelineDataset } from '../data/pipeline/pipeline-dataset';
import type { TrainTransform } from '../data/pipeline/transforms';
import type { TrainAndTest } from '../data/sources/class-folders';
import { shareOf, splitIndices, subset } from '../data/split';
import { type UnreadablePolicy, unreadableImages } from '../data/unreadable-images';
import { allFor, forFiles } from '../experiment/data-options';
import { group, integer, number, oneOf, type Values } from '../experiment/option';
import { size } from '../experiment/size-option';
import { verifyDataOption } from '../experiment/verify-data';
import { type ImageSize, imageSize, type Sides, sides } from '../system/image-size';
import { type ClassificationData, classificationTask } from '../train/evaluation/classification-task';
import { selections, type Task } from '../train/evaluation/task';
import { unreadableOptions } from './unreadable';

const selectionOptions = {
  selectOn: oneOf(selections, 'held-out', {
    help: 'images that choose the best epoch: held-out (of training), test, last (none)',
  }),
  heldOut: number({ default: 0.1, above: 0, below: 1, help: 'share of each class held out, the same for every seed' }),
  trainShare: forFiles(
    number({
      default: 1,
      above: 0,
      max: 1,
      help: 'share of the training images to use, the same for every seed',
    }),
  ),
};

/** The options of the training and test images of every classification package. */
export const classificationDataOptions = group('Data', {
  verifyData: forFiles(verifyDataOption),
  ...selectionOptions,
  ...allFor('files', unreadableOptions),
  imageSize: size({ default: 32, min: 16, max: 512, help: 'size of images in pixels: 224 for squares, or 112x96' }),
  ...allFor('synthetic', {
    classes: integer({ default: 40, min: 2, max: 100, help: 'synthetic data: number of classes' }),
    imagesPerClass: integer({ default: 100, min: 1, help: 'synthetic data: training images per class' }),
    testImagesPerClass: integer({ default: 25, min: 1, help: 'synthetic data: test images per class' }),
    difficulty: number({ default: 1, min: 0, max: 1.5, help: 'synthetic data: variation within a class' }),
  }),
});

/** Augmentation of images in files, besides random resized crops and flips. */
export const augmentationOptions = group(
  'Augmentation (images in files)',
  allFor('files', {
    colorJitter: number({
      default: 0,
      min: 0,
      max: 1,
      help: 'jitter of brightness, contrast, saturation; 0.4 is usual',
    }),
    randAugment: integer({ default: 0, min: 0, max: 10, help: 'operations of RandAugment per image; 2 is usual' }),
    randAugmentMagnitude: integer({ default: 9, min: 0, max: 30, help: 'magnitude of RandAugment' }),
    randomErasing: number({ default: 0, min: 0, max: 1, help: 'probability of random erasing' }),
  }),
);

type SelectionValues = Values<typeof selectionOptions>;

/** A profile of seconds. */
export const classificationSmoke = {
  imageSize: 32,
  classes: 5,
  imagesPerClass: 20,
  testImagesPerClass: 8,
  batchSize: 20,
  student: 'resnet8',
  studentWidth: 0.5,
  epochs: 1,
  teacher: 'resnet8',
  teacherEpochs: 1,
} as const;

/** The columns, charts and notes of reports on classifiers. */
export const classificationReport = {
  columns: [
    { metric: 'top1', title: 'top-1', percent: true },
    { metric: 'best/top1', title: 'best epoch', percent: true },
    { metric: 'top5', title: 'top-5', percent: true },
    { metric: 'ece', title: 'ECE', percent: true },
    { metric: 'agreement', title: 'agrees with teacher', percent: true },
  ],
  chartMetrics: ['top1', 'agreement'],
  notes({ selectOn, heldOut }: SelectionValues): readonly string[] {
    const last = 'The table shows the last epoch, on test images that are not in the training set.';
    const share = `${+(100 * heldOut).toFixed(1)} %`;
    const best = {
      'held-out': ` 'best epoch' shows the epoch that was best on ${share} of the training images, held out for this choice.`,
      test: " 'best epoch' shows the epoch that was best on the test images themselves, which is optimistic.",
      last: '',
    };
    return [last + best[selectOn]];
  },
} as const;

type TrainingSplit = Pick<ClassificationData, 'train' | 'heldOut' | 'selectOn'>;

/**
 * Splits training images in files: --train-share of them are used, of which some are held out with --select-on=held-out.
 * @param open opens the data set of all images; `apart`: the indices of those that are held out
 */
export function splitTraining(
  images: Pick<ImageDataset, 'name' | 'labels' | 'classes'>,
  { selectOn, heldOut: share, trainShare }: SelectionValues,
  open: (apart?: Int32Array) => ImageDataset,
): TrainingSplit {
  const { name, labels, classes } = images;
  const used = shareOf(images, trainShare);
  if (selectOn !== 'held-out') return { train: trainShare < 1 ? subset(open(), name, used) : open(), selectOn };
  const split = splitIndices({ name, labels: used.map((i) => labels[i] as number), classes }, share);
  const ofAll = (indices: Int32Array) => indices.map((i) => used[i] as number);
  const [train, heldOut] = [ofAll(split.train), ofAll(split.heldOut)];
  const all = open(heldOut);
  return { train: subset(all, name, train), heldOut: subset(all, `${name}-held-out`, heldOut) };
}

/** The images of one split; image i belongs to class i % classes. */
interface SyntheticImages {
  readonly split: 'train' | 'test';
  readonly classes: number;
  readonly imagesPerClass: number;
  readonly size: ImageSize;
  readonly seed: number;
  readonly difficulty: number;
}

// The images do not depend on the training's seed: seeds measure the variance of training, not that of the data.
const dataSeed = 2022;

/**
 * Classification of synthetic images with random crops and flips. Held-out images are additional ones, so that training
 * has the same `imagesPerClass` images whatever the best epoch is chosen on.
 */
export function syntheticTask(
  generate: (images: SyntheticImages) => ImageDataset,
  options: Values<typeof classificationDataOptions>,
): Task {
  const {
    selectOn,
    heldOut: share,
    imageSize: sizeOfImages,
    classes,
    imagesPerClass,
    testImagesPerClass,
    difficulty,
  } = options;
  const common = { classes, size: sizeOfImages, seed: dataSeed, difficulty };
  const { height, width } = sides(sizeOfImages);
  const held = selectOn === 'held-out' ? Math.max(1, Math.round((imagesPerClass * share) / (1 - share))) : 0;
  const all = generate({ ...common, split: 'train', imagesPerClass: imagesPerClass + held });
  const indices = Int32Array.from(all.labels.keys());
  const trained = imagesPerClass * all.classes;
  const train = held === 0 ? all : subset(all, all.name, indices.subarray(0, trained));
  return classificationTask({
    train: augmented(train, { flip: true, crop: { pad: Math.round(Math.min(height, width) / 8) } }),
    ...(selectOn === 'held-out'
      ? { heldOut: subset(all, `${all.name}-held-out`, indices.subarray(trained)) }
      : { selectOn }),
    test: generate({ ...common, split: 'test', imagesPerClass: testImagesPerClass }),
  });
}

/** The size to which evaluation resizes: torchvision crops images of 224 pixels from a shorter side of 256. */
function resizeFor(size: ImageSize): ImageSize {
  const { height, width } = sides(size);
  const resized = (side: number): number => Math.round(side * (256 / 224));
  return imageSize({ height: resized(height), width: resized(width) });
}

/**
 * Classification of images in files, as in torchvision's reference: random resized crops and flips in training, centre
 * crops in evaluation.
 * @param from the folder of the files
 */
export function imageFilesTask(
  { train, test, testNote, notes }: TrainAndTest,
  options: Values<typeof augmentationOptions & typeof unreadableOptions> &
    SelectionValues & { readonly imageSize: ImageSize },
  from: string,
): Task {
  const { colorJitter, randAugment: operations, randomErasing: probability } = options;
  const transform: TrainTransform = {
    ...(colorJitter > 0 && {
      colorJitter: { brightness: colorJitter, contrast: colorJitter, saturation: colorJitter },
    }),
    ...(operations > 0 && { randAugment: { operations, magnitude: options.randAugmentMagnitude } }),
    ...(probability > 0 && { erasing: { probability } }),
  };
  const pipeline = { size: options.imageSize, train: transform, test: { resize: resizeFor(options.imageSize) } };
  return classificationTask({
    ...splitTraining(train, options, (indices = new Int32Array()) => {
      const policy: UnreadablePolicy = { ...options, evaluated: { use: 'held-out', indices } };
      return pipelineDataset(train, { ...pipeline, unreadable: unreadableImages(train, policy) });
    }),
    test: pipelineDataset(test, {
      ...pipeline,
      unreadable: unreadableImages(test, { ...options, evaluated: { use: 'test', indices: 'all' } }),
    }),
    testNote,
    notes,
    from,
    preparation: { kind: 'resize', resize: preparedSize(pipeline.test.resize) },
    classNames: train.classNames,
  });
}

/** A size as cards write it. */
function preparedSize(size: ImageSize): number | Sides {
  const { height, width } = sides(size);
  return height === width ? height : { height, width };
}
