import { existsSync } from 'node:fs';
import { type BuildOptions, buildNetwork, type Network } from '../../nn/network';
import { normalisationName } from '../../nn/normalisation-text';
import { backbones, heads } from '../../nn/registry';
import type { State } from '../../runtime/state';
import type { GivenValues, StoredValues } from '../../runtime/stored-values';
import { UserError } from '../../system/user-error';
import {
  type DescribedWeights,
  networkFromWeights,
  verify,
  type WeightsHints,
} from '../../weights/network-from-weights';
import { requireSound } from '../../weights/sound-values';
import { requireNoChoice } from '../../weights/state-dict';
import { isExternal } from '../../weights/weights-file';
import { type NetworkMetadata, readCheckpoint } from '../checkpoint';

/** A network's weights, and the file that they come from. */
export interface NetworkWeights extends DescribedWeights {
  readonly file: string;
  /** Those that stay in the file. */
  readonly tables?: ReadonlyMap<string, StoredValues>;
}

/** Builds the network in a checkpoint or in a file of another program, and loads its weights. */
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
 * Reads a checkpoint, or a file of PyTorch, safetensors or ONNX; the content tells which it is.
 * @param hints facts that such a file lacks; a checkpoint lacks none, and its normalisation must be the given one
 * @param isTable which tensors of a checkpoint stay in its file; see `readCheckpoint`
 * @throws UserError for a damaged file, one without a network, or a network that is unknown here
 */
export function readNetwork(file: string, hints?: WeightsHints, isTable?: (name: string) => boolean): NetworkWeights {
  if (existsSync(file) && isExternal(file)) return { file, ...networkFromWeights(file, hints) };
  const { tensors, tables, metadata } = readCheckpoint<Partial<NetworkMetadata>>(file, isTable);
  const description = metadata.network;
  if (!description) throw new UserError(`The checkpoint ${file} holds no network: its metadata describes none.`, 1);
  for (const [kind, known] of Object.entries({ backbone: backbones, head: heads })) {
    const name = description[kind as 'backbone' | 'head'];
    if (!known.names.includes(name)) {
      throw new UserError(
        `The checkpoint ${file} has the unknown ${kind} '${name}' (known: ${known.names.join(', ')}).`,
        1,
      );
    }
  }
  requireNoChoice(file, 'a checkpoint of headshare', hints?.stateDict);
  const { normalisation, colours } = hints ?? {};
  const own = normalisationName(description.normalisation);
  if (colours === 'BGR' || (normalisation && normalisationName(normalisation) !== own)) {
    throw new UserError(`${file} is a checkpoint and holds its normalisation, ${own} of RGB: give no other one.`);
  }
  for (const [name, values] of [...tensors, ...tables]) requireSound(file, name, values);
  if (hints?.verify !== undefined) verify(hints.verify, file, { description, tensors }, hints.onNote);
  return { file, tensors, tables, description };
}

/** All tensors, in memory or in the file. */
export const allTensors = ({ tensors, tables = new Map() }: NetworkWeights): ReadonlyMap<string, GivenValues> =>
  new Map<string, GivenValues>([...tensors, ...tables]);
