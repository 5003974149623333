/** Errors for methods and data that a teacher cache cannot serve. */
import type { MixSettings } from '../../data/augment/mix';
import type { ImageDataset } from '../../data/dataset';
import type { Method, Need } from '../../distill/method';
import { methods } from '../../distill/registry';
import { UserError } from '../../system/user-error';
import { isMixing } from '../mixing';

const featureNeeds: readonly Need[] = ['features', 'preactivations', 'equal-channels'];

/**
 * @param names of methods, joined by `+`
 * @throws UserError for a method that uses more of its teacher than embeddings and logits
 */
export function checkCachedMethods(names: string): void {
  const usesFeatures = ({ needs }: Method) => needs.some((need) => featureNeeds.includes(need));
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
