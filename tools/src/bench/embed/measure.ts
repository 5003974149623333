import { imageInput } from '@headshare/core/runtime/compile/step-inputs';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import type { Tensor4D } from '@headshare/core/runtime/tensorflow';
import { loadNetwork } from '@headshare/core/train/networks/load-network';
import { median, secondsOf } from '../measurement';

export interface EmbedRequest {
  readonly weights: string;
  readonly size: number;
  readonly batch: number;
  /** The time to measure for; at least three calls. */
  readonly seconds: number;
}

/** Embeddings a second, by the middle one of the calls and by the fastest, which other load on the machine affects least. */
export interface Speed {
  readonly median: number;
  readonly best: number;
}

/** Calls before the first measured one: they compile the step. */
const uncounted = 2;

/** The compiled evaluation step, as evaluations of faces call it. */
export async function measureEmbedding({ weights, size, batch, seconds }: EmbedRequest): Promise<Speed> {
  const state = new State();
  const program = new Program(state);
  const network = loadNetwork(state, 'network', weights);
  const step = program.define('embed', { pixels: imageInput(batch, size) }, ({ pixels }) => ({
    embedding: network.embed(pixels as Tensor4D, 'eval').embedding,
  }));
  const pixels = Uint8Array.from({ length: batch * size * size * 3 }, (_, i) => (i * 193) % 256);
  const run = () => step({ pixels });
  await secondsOf(run, uncounted);
  const [first = 1] = await secondsOf(run, 1);
  const measured = await secondsOf(run, Math.max(3, Math.ceil(seconds / first)));
  program.dispose();
  state.dispose();
  return { median: batch / median(measured), best: batch / Math.min(...measured) };
}
