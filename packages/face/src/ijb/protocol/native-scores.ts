import { createRequire } from 'node:module';
import { nativeAddon } from '@headshare/core/runtime/native-addon';

/** packages/core/native/scores, whose work is done on libuv's threads. Arrays must be left alone until it is done. */
export interface NativeScores {
  /** products[k] = row leftRows[k] of `left` . row rightRows[k] of `right`, [rows, dimension] both. */
  pairProducts(
    left: Float64Array,
    right: Float64Array,
    dimension: number,
    leftRows: Int32Array,
    rightRows: Int32Array,
    products: Float64Array,
  ): Promise<void>;
  /** Sorts in place; there must be no NaN. */
  sortAscending(values: Float64Array): Promise<void>;
}

/** The addon that `nx run tools:tensorflow` builds; null where there is none, which is slower but no different. */
export function loadNativeScores(): NativeScores | null {
  const addon = nativeAddon('scores.node');
  try {
    return addon ? (createRequire(__filename)(addon) as NativeScores) : null;
  } catch {
    // Built for another machine.
    return null;
  }
}
