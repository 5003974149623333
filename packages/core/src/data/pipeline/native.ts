import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { nativeAddon } from '../../runtime/native-addon';
import { tf } from '../../runtime/tensorflow';

/** packages/core/native/images: decoding and resampling in one call, on the thread that calls. */
export interface NativeImages {
  /**
   * Decodes the part `box` (left, top, width, height) of a JPEG of one or three components and resamples it: the taps
   * count from the box's corner. False where the JPEG is damaged.
   */
  sampleJpeg(
    bytes: Uint8Array,
    box: Int32Array,
    columns: Int32Array,
    rows: Int32Array,
    target: Uint8Array,
    mirrored: boolean,
  ): boolean;
}

/** The addon that `nx run tools:tensorflow` builds; undefined where there is none: sharp then decodes JPEGs too. The main thread is to call this before others do. */
export function loadNativeImages(): NativeImages | undefined {
  const addon = nativeAddon('images.node');
  if (!addon) return undefined;
  try {
    // TensorFlow's library reads its settings as it is loaded, once for all threads: this must not come first.
    if (isMainThread) void tf.version;
    return createRequire(__filename)(addon) as NativeImages;
  } catch {
    // Faster, never needed: a library of another kind must not end the run.
    return undefined;
  }
}
