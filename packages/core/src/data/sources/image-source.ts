/** Labelled images as they lie on disk, of any size and format, addressed by index. */
export interface ImageSource {
  readonly name: string;
  readonly classes: number;
  /** One for each class, in the order of the labels. */
  readonly classNames: readonly string[];
  /** One label per image, in [0, classes). */
  readonly labels: Int32Array;
  /** Changes whenever the list of images, their sizes on disk or their labels would. */
  readonly fingerprint: string;
  /** Where the encoded image lies. Throws RangeError for an index outside [0, labels.length). */
  locate(index: number): ImageLocation;
}

/** Plain data, for worker threads. */
export interface ImageLocation {
  /** Absolute. */
  readonly file: string;
  /** Bytes of the file that hold the image, where it is a part of a shard; both or neither. */
  readonly offset?: number;
  readonly length?: number;
  /** Those bytes begin with a record of MXNet's RecordIO that holds the image, and may go on behind it. */
  readonly inRecord?: boolean;
  /** The encoded image itself, where it does not lie in the file as it is. */
  readonly bytes?: Uint8Array;
  /**
   * Cropped to before anything else, in whole pixels of the image as stored: EXIF rotation is not applied. It starts at 0 or
   * later and may reach beyond the right and lower edge: what lies outside does not count.
   */
  readonly box?: readonly [left: number, top: number, width: number, height: number];
}
