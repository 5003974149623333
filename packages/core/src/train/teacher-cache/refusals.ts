/** What a teacher's cache cannot serve, each in a sentence. */
import type { MixSettings } from '../../data/augment/mix';
import type { ImageDataset } from '../../data/dataset';
import type { Method, Need } from '../../distill/method';
import { methods } from '../../distill/registry';
import { UserError } from '../../system/user-error';
import { isMixing } from '../mixing';

const maps: readonly Need[] = ['features', 'preactivations', 'equal-channels'];

/**
 * @param names of methods, joined by `+`
 * @throws UserError for one that reads more of its teacher than its embedding
 */
export function checkCachedMethods(names: string): void {
  const readsMaps = ({ needs }: Method) => needs.some((need) => maps.includes(need));
  const method = names
    .split('+')
    .map((name) => methods.named(name))
    .find(readsMaps);
  if (!method) return;
  throw new UserError(
    `--teacher-cache: ${method.name} reads the teacher's maps, and only its embeddings are kept; leave the cache off, or choose a method that reads embeddings and logits alone.`,
  );
}

/** A data set whose views have no end under the training's augmentation. */
export function endlessViews({ name }: ImageDataset): UserError {
  return new UserError(
    `--teacher-cache: the images of ${name} are cropped at random in training, so that the teacher sees each only once and nothing it says could be read again; --teacher-views=8 shows eight views of each in turn, --teacher-cache=off is as before.`,
  );
}

/** @throws UserError for images that are mixed in the step: partners change, so that not even drawn views repeat */
export function checkUnmixed(settings: MixSettings): void {
  if (!isMixing(settings)) return;
  const by = settings.mixup > 0 ? '--mixup' : '--cutmix';
  throw new UserError(
    `--teacher-cache does not go with ${by}: the teacher looks at mixtures of two images, which never come twice.`,
  );
}
