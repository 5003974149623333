import type { NetworkDescription } from '@headshare/core/nn/network';

/** A batch of noise, the same every time. */
export function batchOf(
  { inputSize, classes }: NetworkDescription,
  batch: number,
): { readonly pixels: Uint8Array; readonly labels: Int32Array } {
  return {
    pixels: Uint8Array.from({ length: batch * inputSize ** 2 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24),
    labels: Int32Array.from({ length: batch }, (_, i) => (i * 37) % classes),
  };
}
