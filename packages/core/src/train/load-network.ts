import { existsSync } from 'node:fs';
import { type BuildOptions, buildNetwork, type Network } from '../nn/network';
import { backbones, heads } from '../nn/registry';
import type { State } from '../runtime/state';
import { UserError } from '../system/user-error';
import { type DescribedWeights, networkFromWeights, type WeightsHints } from '../weights/network-from-weights';
import { isExternal } from '../weights/weights-file';
import type { NetworkMetadata } from './checkpoint';
import { readCheckpoint } from './checkpoint';

/** Builds the network that a checkpoint, or a file of other programs' weights, is of, and gives it those weights. */
export function loadNetwork(
  state: State,
  root: string,
  file: string,
  hints?: WeightsHints,
  options?: BuildOptions,
): Network {
  const { tensors, description } = readNetwork(file, hints);
  const network = buildNetwork(state, root, description, undefined, options);
  network.load(tensors, file);
  return network;
}

/**
 * The network of a checkpoint of ours, or of a file of PyTorch's or safetensors, told apart by what they hold.
 * @param hints what such a file does not say; a checkpoint says it all
 * @throws UserError for a file that is damaged, is no network's, or is of a network that is not known here.
 */
export function readNetwork(file: string, hints?: WeightsHints): DescribedWeights {
  if (existsSync(file) && isExternal(file)) return networkFromWeights(file, hints);
  const { tensors, metadata } = readCheckpoint<Partial<NetworkMetadata>>(file);
  const description = metadata.network;
  if (!description) throw new UserError(`The checkpoint ${file} holds no network: its metadata describes none.`, 1);
  for (const [kind, known] of Object.entries({ backbone: backbones, head: heads })) {
    const name = description[kind as 'backbone' | 'head'];
    if (!known.names.includes(name)) {
      throw new UserError(`The checkpoint ${file} has the ${kind} '${name}'; known are ${known.names.join(', ')}.`, 1);
    }
  }
  return { tensors, description };
}
