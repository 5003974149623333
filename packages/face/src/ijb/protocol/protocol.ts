/** The faces of IJB-B or IJB-C, one entry an image, in the order of the meta files' lines. */
export interface IjbImages {
  /** File names within the folder of loosely cropped faces. */
  readonly names: readonly string[];
  /** [images, 5, 2]: left eye, right eye, nose, left and right corner of the mouth; x right, y down, in pixels. */
  readonly landmarks: Float32Array;
  /** The template that an image belongs to; ids need not be dense. */
  readonly templates: Int32Array;
  /** The photograph or video that an image is from; the same id may occur in several templates. */
  readonly medias: Int32Array;
  /** The detector's confidence. */
  readonly scores: Float32Array;
}

/** Which templates are compared: pair k is template `first[k]` against template `second[k]`. */
export interface TemplatePairs {
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** 1: the same person, 0: different people. */
  readonly same: Uint8Array;
}

/** Rows of embeddings that need not lie in memory. */
export interface EmbeddingRows {
  readonly images: number;
  readonly dimension: number;
  /** Rows `from` to `from + count` - 1, [count, dimension]. */
  read(from: number, count: number): Promise<Float32Array>;
}
