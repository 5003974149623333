import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { backbones, heads } from '../nn/registry';
import type { NamedValues, State } from '../runtime/state';
import { UserError } from '../runtime/user-error';
import { readCheckpoint } from './checkpoint';
import type { NetworkMetadata } from './trainer';

/** Builds the network that a checkpoint describes and gives it the checkpoint's weights. */
export function loadNetwork(state: State, root: string, file: string): Network {
  const { tensors, description } = readNetwork(file);
  const network = buildNetwork(state, root, description, undefined);
  network.load(tensors, file);
  return network;
}

/** @throws UserError for a checkpoint that is damaged, is no network's, or is of a network that is not known here. */
export function readNetwork(file: string): {
  tensors: ReadonlyMap<string, NamedValues>;
  description: NetworkDescription;
} {
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
