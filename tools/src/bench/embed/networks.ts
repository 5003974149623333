import { join } from 'node:path';
import { formats } from '@headshare/core/delivery/registry';
import { exportModel } from '@headshare/core/export/export-model';
import { findSource } from '@headshare/core/export/source';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import { State } from '@headshare/core/runtime/state';
import { sides } from '@headshare/core/system/image-size';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import { cifarNetwork, faceNetwork } from '../networks';

/** The networks in use, by backbone. Weights are initial ones: no time depends on their values. */
export const networks = {
  mobilefacenet: faceNetwork('mobilefacenet', 'linear-no-bias', 10),
  resnet8x4: cifarNetwork('resnet8x4'),
  mobilenet_v3_small: { ...cifarNetwork('mobilenet_v3_small'), inputSize: 224 },
  iresnet50: faceNetwork('iresnet50', 'linear-no-bias', 10),
} as const satisfies Record<string, NetworkDescription>;

export type NetworkName = keyof typeof networks;

export interface WrittenNetwork {
  /** headshare's weights. */
  readonly weights: string;
  /** The same network in ONNX: bytes in, the embedding out. */
  readonly onnx: string;
  readonly size: number;
}

/** Writes a network's weights, and its ONNX file, into a folder. */
export async function writeNetwork({ name, folder }: { name: NetworkName; folder: string }): Promise<WrittenNetwork> {
  const weights = join(folder, `${name}.safetensors`);
  const onnx = join(folder, `${name}.onnx`);
  const state = new State();
  const network = buildNetwork(state, 'network', networks[name], 1);
  writeCheckpoint(weights, {
    tensors: network.weights(),
    metadata: { network: networks[name], epoch: 0, metrics: {} },
  });
  state.dispose();
  const source = await findSource(weights, folder);
  const options = { input: 'bytes', outputs: ['embedding'], mirror: false, teacherSpace: false } as const;
  await exportModel({ source, to: onnx, format: formats.named('onnx'), options, weights: 'float32', root: folder });
  return { weights, onnx, size: sides(networks[name].inputSize).height };
}
