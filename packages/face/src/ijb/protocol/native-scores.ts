import { createRequire } from 'node:module';
import { nativeAddon } from '@headshare/core/runtime/native-addon';

/** The addon of packages/core/native/scores. It works on libuv's threads: arrays must not be used until it is done. */
export interface NativeScores {
  /** products[k] = row leftRows[k] of `left` times row rightRows[k] of `right`, both [rows, dimension]. */
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

/** The addon that `nx run tools:tensorflow` builds; null without it, which is slower but gives the same results. */
export function loadNativeScores(): NativeScores | null {
  const addon = nativeAddon('scores.node');
  try {
    return addon ? (createRequire(__filename)(addon) as NativeScores) : null;
  } catch {
    // Built for another machine.
    return null;
  }
}
