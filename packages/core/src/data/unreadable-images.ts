import { UserError } from '../system/user-error';
import { type ImageSource, placeOf } from './sources/image-source';
import type { ImageUse, UnreadableCount, UnreadableImage, UnreadableImages } from './unreadable';

export interface UnreadablePolicy {
  /** Images that networks are evaluated on, and for what; `all` of them, or their indices. Default: all are for training. */
  readonly evaluated?: { readonly use: Exclude<ImageUse, 'training'>; readonly indices: 'all' | ArrayLike<number> };
  /** What happens to an unreadable image that networks are evaluated on: an error (default), or it is left out. */
  readonly unreadable?: 'fail' | 'skip';
  /** The largest share of the training images, 0 to 1, that others may replace; default 0.01. */
  readonly unreadableShare?: number;
}

/** The number of images that a message names. */
const mostNamed = 5;

export const defaultUnreadableShare = 0.01;

export function unreadableImages(
  source: Pick<ImageSource, 'name' | 'labels' | 'locate'>,
  { evaluated, unreadable = 'fail', unreadableShare = defaultUnreadableShare }: UnreadablePolicy = {},
): UnreadableImages {
  const { name, labels } = source;
  const total = labels.length;
  const indices = evaluated?.indices ?? [];
  const apart = indices === 'all' ? undefined : new Set(Array.from(indices));
  const isEvaluated = (index: number): boolean => apart?.has(index) ?? true;
  const evaluations = apart ? apart.size : total;
  const sizes = { training: total - evaluations, evaluated: evaluations };
  const found = new Map<number, UnreadableImage>();
  const counted = { training: 0, evaluated: 0 };
  const followers: Parameters<UnreadableImages['follow']>[0][] = [];
  const useOf = (index: number): ImageUse => (evaluated && isEvaluated(index) ? evaluated.use : 'training');

  const put = (image: UnreadableImage): void => {
    found.set(image.index, image);
    counted[isEvaluated(image.index) ? 'evaluated' : 'training']++;
  };
  const list = (): UnreadableImage[] => [...found.values()].sort((a, b) => a.index - b.index);
  const firstOf = (use: ImageUse): string[] =>
    list()
      .filter(({ index }) => useOf(index) === use)
      .slice(0, mostNamed)
      .map(({ place, reason }) => `${place} (${reason})`);

  function requireFew(): void {
    if (counted.training <= unreadableShare * sizes.training) return;
    const more = counted.training - mostNamed;
    throw new UserError(
      `${counted.training} of the ${sizes.training} training images of ${name} cannot be read, more than --unreadable-share=${unreadableShare} allows: ${firstOf('training').join(', ')}${more > 0 ? ` and ${more} more` : ''}. The data command's \`check --whole\` lists all.`,
      1,
    );
  }

  return {
    name,
    has: (index) => found.has(index),
    isEvaluated,
    list,
    follow: (receive) => followers.push(receive),
    add(index, reason) {
      if (found.has(index)) return;
      const image = { index, place: placeOf(source.locate(index)), reason };
      const use = useOf(index);
      if (isEvaluated(index) && unreadable === 'fail') {
        throw new UserError(
          `${image.place}, a ${use} image of ${name}, cannot be read: ${reason}. Images that networks are evaluated on are never replaced: mend it, or leave unreadable ones out with --unreadable=skip.`,
          1,
        );
      }
      put(image);
      for (const receive of followers) receive(image, use);
      requireFew();
    },
    restore(images) {
      for (const image of images) {
        const isKnown = image.index < total && placeOf(source.locate(image.index)) === image.place;
        if (isKnown && !found.has(image.index) && (unreadable === 'skip' || !isEvaluated(image.index))) put(image);
      }
      requireFew();
    },
    learn(images) {
      for (const image of images) {
        if (found.has(image.index)) continue;
        put(image);
        for (const receive of followers) receive(image, useOf(image.index));
      }
      requireFew();
    },
    counts() {
      const counts = (use: ImageUse, count: number, of: number): UnreadableCount[] =>
        count === 0 ? [] : [{ name, use, count, of, first: firstOf(use) }];
      return [
        ...counts('training', counted.training, sizes.training),
        ...(evaluated ? counts(evaluated.use, counted.evaluated, sizes.evaluated) : []),
      ];
    },
  };
}
