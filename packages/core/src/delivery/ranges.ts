/** The ranges of numbers that a model stores in 8 bits. */
import { nearestEven } from './weights';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** By the names of a graph's values. */
export type Ranges = ReadonlyMap<string, Range>;

/** A number of the range is about (byte - zero) times step. */
export function byteScale({ low: least, high: largest }: Range): { readonly step: number; readonly zero: number } {
  // Zero must be a byte: convolutions pad with it.
  const [low, high] = [Math.min(least, 0), Math.max(largest, 0)];
  const step = Math.fround((high - low) / 255) || 1;
  return { step, zero: Math.max(0, Math.min(255, nearestEven(-low / step))) };
}
