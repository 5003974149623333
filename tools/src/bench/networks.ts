/** The networks that the benchmarks train. */
import type { NetworkDescription } from '@headshare/core/nn/network';

export const cifarNetwork = (backbone: string): NetworkDescription => ({
  backbone,
  head: 'linear',
  inputSize: 32,
  width: 1,
  classes: 100,
});

export const faceNetwork = (backbone: string, head: string, classes: number): NetworkDescription => ({
  backbone,
  head,
  inputSize: 112,
  width: 1,
  embeddingSize: 512,
  classes,
});
