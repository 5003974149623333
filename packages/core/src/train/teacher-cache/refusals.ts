/** Which methods and data a teacher cache can serve, and where it saves time. */
import type { MixSettings } from '../../data/augment/mix';
import type { ImageDataset } from '../../data/dataset';
import type { AugmentedCopies } from '../../data/loading/augmented-copies';
import type { Method, Need } from '../../distill/method';
import { methods } from '../../distill/registry';
import { requestedDevice } from '../../runtime/device';
import { UserError } from '../../system/user-error';
import { isMixing } from '../mixing';
import type { NetworkWeights } from '../networks/load-network';
import { shapeOfDescription } from '../networks/shared-head';
import type { NetworkTraining } from '../settings';

const needsFeatures = (needs: ReadonlySet<Need>): boolean =>
  needs.has('features') || needs.has('preactivations') || needs.has('equal-channels');

/**
 * @param names of methods, joined by `+`
 * @throws UserError for a method that uses more of its teacher than embeddings and logits
 */
export function checkCachedMethods(names: string): void {
  const usesFeatures = ({ needs }: Method) => needsFeatures(new Set(needs));
  const method = names
    .split('+')
    .map((name) => methods.named(name))
    .find(usesFeatures);
  if (!method) return;
  throw new UserError(
    `--teacher-cache: ${method.name} uses the teacher's feature maps, but the cache holds only embeddings; leave the cache off, or choose a method that uses only embeddings and logits.`,
  );
}

/** For a data set whose augmentation never repeats. */
export function endlessViews({ name }: ImageDataset): UserError {
  return new UserError(
    `--teacher-cache: training crops the images of ${name} at random, so no embedding could be used twice; --teacher-views=8 shows eight augmented copies of each image in turn, --teacher-cache=off runs the teacher in every step.`,
  );
}

/** @throws UserError when images are mixed: the pairs change from epoch to epoch */
export function checkUnmixed(settings: MixSettings): void {
  if (!isMixing(settings)) return;
  const by = settings.mixup > 0 ? '--mixup' : '--cutmix';
  throw new UserError(
    `--teacher-cache does not work with ${by}: the teacher sees mixtures of two images, which never repeat.`,
  );
}

/** What a cache may take on the disk if nobody asked for it, in bytes. */
const mostUnasked = 2 ** 27;

/**
 * Whether a cache that nobody asked for is used: training gives the same bits with it, sees each augmented image at least
 * twice, and the embeddings are few.
 */
export function cachePays(
  { task: { train: dataset }, settings, distillation, precision = 'float32', shardClasses = false }: NetworkTraining,
  copies: AugmentedCopies | undefined,
  { description }: NetworkWeights,
  imagesAtOnce: number,
): boolean {
  if (!copies || !distillation || isMixing(settings) || shardClasses) return false;
  if (needsFeatures(distillation.method.needs)) return false;
  // Other kernels, or another type, round differently; so does TensorFlow for a single image.
  if (requestedDevice() !== 'cpu' || precision !== 'float32' || imagesAtOnce < 2) return false;
  const bytes = dataset.labels.length * copies.count * shapeOfDescription(description).embeddingSize * 4;
  return settings.epochs >= 2 * copies.count && bytes <= mostUnasked && description.inputSize === dataset.size;
}
