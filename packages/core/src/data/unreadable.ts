/** Images that cannot be read: what is known of them. */

export interface UnreadableImage {
  /** In the source. */
  readonly index: number;
  readonly place: string;
  readonly reason: string;
}

/** What images are read for. */
/** `record`: records of a file that is damaged there, so that it cannot be known what they hold. */
export type ImageUse = 'training' | 'held-out' | 'test' | 'verification' | 'record';

/** How many of the images that are read for one purpose cannot be read. */
export interface UnreadableCount {
  /** The data set. */
  readonly name: string;
  readonly use: ImageUse;
  readonly count: number;
  /** Of how many images. */
  readonly of: number;
  /** Place and reason of the first few. */
  readonly first: readonly string[];
}

/** The images of a source that could not be read so far. Another image is never put in place of one that is evaluated on. */
export interface UnreadableImages {
  /** The source's. */
  readonly name: string;
  has(index: number): boolean;
  isEvaluated(index: number): boolean;
  /**
   * Records an image.
   * @throws UserError for one that is evaluated on, unless such images are left out; and for too many training images
   */
  add(index: number, reason: string): void;
  /** Records what an earlier process of the same run found, if it is about the same files. */
  restore(images: readonly UnreadableImage[]): void;
  /** Takes over what another process of the same run found. */
  learn(images: readonly UnreadableImage[]): void;
  /** Calls `receive` with each image that is found from now on, once. */
  follow(receive: (image: UnreadableImage, use: ImageUse) => void): void;
  /** In the order of the source. */
  list(): readonly UnreadableImage[];
  /** For each use of the images, those of which some are unreadable. */
  counts(): readonly UnreadableCount[];
}

/** `3 of 1000 test images of birds cannot be read and were left out`, or replaced. */
export function describeUnreadable({ name, use, count, of }: UnreadableCount): string {
  if (use === 'record') return `${count} of ${of} records of ${name} cannot be read and were left out`;
  const then = use === 'training' ? 'replaced by others of their classes' : 'left out';
  return `${count} of ${of} ${use} images of ${name} cannot be read and were ${then}`;
}
