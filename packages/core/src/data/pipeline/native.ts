import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { nativeAddon } from '../../runtime/native-addon';
import { tf } from '../../runtime/tensorflow';

/** packages/core/native/images: decodes and resamples in one call, on the calling thread. */
export interface NativeImages {
  /**
   * Decodes the part `box` (left, top, width, height) of a JPEG with one or three components and resamples it; `columns`
   * and `rows` (see `ResamplingWeights`) count pixels from the box's corner; `rowsFirst` (default false): see
   * `resamplesRowsFirst`. Returns false for a JPEG that libjpeg cannot read.
   */
  sampleJpeg(
    bytes: Uint8Array,
    box: Int32Array,
    columns: Int32Array,
    rows: Int32Array,
    target: Uint8Array,
    mirrored: boolean,
    rowsFirst?: boolean,
  ): boolean;
}

/**
 * The addon that `nx run tools:tensorflow` builds; undefined if it is missing: sharp then decodes JPEGs too. The main
 * thread must call this before other threads do.
 */
export function loadNativeImages(): NativeImages | undefined {
  const addon = nativeAddon('images.node');
  if (!addon) return undefined;
  try {
    // TensorFlow's library reads its settings once for all threads, when it is loaded: the addon must not load it first.
    if (isMainThread) void tf.version;
    return createRequire(__filename)(addon) as NativeImages;
  } catch {
    // The addon only saves time: an incompatible library must not end the run.
    return undefined;
  }
}
