import { modelInput } from '@headshare/core/delivery/feed';
import type { LoadedModel } from '@headshare/core/delivery/format';
import { formats } from '@headshare/core/delivery/registry';
import { symmetric } from '@headshare/core/nn/normalisation';
import { imageInput } from '@headshare/core/runtime/compile/step-inputs';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import type { Tensor4D } from '@headshare/core/runtime/tensorflow';
import { sides } from '@headshare/core/system/image-size';
import { loadNetwork } from '@headshare/core/train/networks/load-network';
import { median, secondsOf } from '../measurement';

export interface SpeedRequest {
  /** The model's file or folder, or the network's weights. */
  readonly path: string;
  /** Absent for the network itself. */
  readonly format?: string;
  readonly size: string;
  readonly batch: number;
  readonly calls: number;
}

/** The first calls prepare and are not counted. */
const uncounted = 3;

/** Images a second, by the middle one of the calls and by the fastest, which other load on the machine affects least. */
export interface Speed {
  readonly median: number;
  readonly best: number;
}

export async function measureSpeed(request: SpeedRequest): Promise<Speed> {
  const { batch, calls } = request;
  const { run, close } = await (request.format === undefined ? compiled(request) : exported(request));
  try {
    const seconds = (await secondsOf(run, uncounted + calls)).slice(uncounted);
    return { median: batch / median(seconds), best: batch / Math.min(...seconds) };
  } finally {
    await close();
  }
}

interface Way {
  run(): Promise<unknown>;
  close(): Promise<void>;
}

/** The bytes of pictures that do not matter. */
const bytesOf = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 193) % 256);

async function exported({ path, format = '', size, batch }: SpeedRequest): Promise<Way> {
  const { height, width } = sides(size as `${number}x${number}`);
  const input = { name: 'image', dtype: 'uint8', shape: [{ perImage: 1 }, height, width, 3] } as const;
  const model: LoadedModel = await formats.named(format).load(path, { input });
  const values = modelInput('bytes', bytesOf(batch * height * width * 3), { height, width }, symmetric);
  return { run: () => model.run(values), close: () => model.close() };
}

/** The evaluation step that trainings use. */
async function compiled({ path, size, batch }: SpeedRequest): Promise<Way> {
  const state = new State();
  const program = new Program(state);
  const network = loadNetwork(state, 'network', path);
  const { height, width } = sides(size as `${number}x${number}`);
  const step = program.define('embed', { pixels: imageInput(batch, size as `${number}x${number}`) }, ({ pixels }) => ({
    embedding: network.embed(pixels as Tensor4D, 'eval').embedding,
  }));
  const pixels = bytesOf(batch * height * width * 3);
  return {
    run: () => step({ pixels }),
    close: async () => {
      program.dispose();
      state.dispose();
    },
  };
}
