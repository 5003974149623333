/** What the best epoch of a classifier is chosen on. */
import type { ImageDataset } from '../data/dataset';
import { splitIndices } from '../data/split';
import { subset } from '../data/subset';
import { number, oneOf, type Values } from '../experiment/option';
import { type SelectOn, selections } from '../train/task';

export const selectionOptions = {
  selectOn: oneOf(selections, 'held-out', {
    help: 'choose the best epoch on: held-out (training images), test, last (no choice)',
  }),
  heldOut: number({
    default: 0.1,
    above: 0,
    below: 1,
    help: 'share of each class held out of training, the same for every seed',
  }),
};

export type SelectionValues = Values<typeof selectionOptions>;

/** What there is to train on, without what is held out of it. */
export interface Split {
  readonly train: ImageDataset;
  readonly heldOut?: ImageDataset;
  /** Where nothing is held out. */
  readonly selectOn?: Exclude<SelectOn, 'held-out'>;
}

/**
 * Holds images out where that is asked for.
 * @param open makes the data set of all the images; `apart`: those that are held out of it
 */
export function splitTraining(
  images: Pick<ImageDataset, 'name' | 'labels' | 'classes'>,
  { selectOn, heldOut: share }: SelectionValues,
  open: (apart?: Int32Array) => ImageDataset,
): Split {
  if (selectOn !== 'held-out') return { train: open(), selectOn };
  const { train, heldOut } = splitIndices(images, share);
  const all = open(heldOut);
  return { train: subset(all, images.name, train), heldOut: subset(all, `${images.name}-held-out`, heldOut) };
}

/**
 * Draws what there is to train on. What is held out is drawn in addition, so that `imagesPerClass` is how many pictures
 * are trained on, and which they are, whatever the best epoch is chosen on.
 * @param draw makes the training split with so many pictures a class; image i belongs to class i % classes
 */
export function drawTraining(
  draw: (imagesPerClass: number) => ImageDataset,
  { selectOn, heldOut: share, imagesPerClass }: SelectionValues & { readonly imagesPerClass: number },
): Split {
  if (selectOn !== 'held-out') return { train: draw(imagesPerClass), selectOn };
  const held = Math.max(1, Math.round((imagesPerClass * share) / (1 - share)));
  const all = draw(imagesPerClass + held);
  const indices = Int32Array.from(all.labels, (_, i) => i);
  const trained = imagesPerClass * all.classes;
  return {
    train: subset(all, all.name, indices.subarray(0, trained)),
    heldOut: subset(all, `${all.name}-held-out`, indices.subarray(trained)),
  };
}

/** How tables say what their numbers are. */
export function selectionNote({ selectOn, heldOut }: SelectionValues): string {
  const last = 'Test pictures were never trained on; last epoch';
  const share = `${+(100 * heldOut).toFixed(1)} %`;
  return {
    'held-out': `${last}. Best epoch: the test pictures at the epoch that was best on ${share} of the training pictures, held out.`,
    test: `${last}. Best epoch: chosen on the test pictures themselves, which flatters.`,
    last: `${last}.`,
  }[selectOn];
}
