import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { State, type StateVariable } from '../runtime/state';
import { UserError } from '../runtime/user-error';
import { readNetwork } from './load-network';

/** Another network's classifier, taken over. */
export interface SharedHead {
  /** A network's checkpoint. */
  readonly from: string;
  /** frozen: it never moves (SH-KD's temporary head); initial: training starts from it. */
  readonly use: 'frozen' | 'initial';
}

/** The network with a projection to the size that the shared head reads, where its own embedding has another. */
export function suitedTo(head: SharedHead | undefined, network: NetworkDescription): NetworkDescription {
  if (!head) return network;
  const { tensors, description } = readNetwork(head.from);
  const { classes, head: kind, scale, margin } = description;
  if (classes !== network.classes) {
    throw new UserError(
      `The head of ${head.from} tells ${classes} classes apart, this data has ${network.classes}: a head can only be shared between networks for the same classes.`,
      1,
    );
  }
  const inputs = tensors.get('head.weight')?.shape[0];
  const own = embeddingSizeOf(network);
  const projection = inputs === undefined || inputs === own ? undefined : inputs;
  return { ...network, head: kind, scale, margin, projection };
}

function embeddingSizeOf(description: NetworkDescription): number {
  const state = new State();
  const { embeddingSize } = buildNetwork(state, 'probe', description, undefined);
  state.dispose();
  return embeddingSize;
}

/** Gives the network's head the shared head's weights. */
export function shareHead(state: State, network: Network, { from }: SharedHead): void {
  const { tensors } = readNetwork(from);
  const prefix = `${network.root}/`;
  const head = [...tensors].filter(([name]) => name.startsWith('head.'));
  const isHead = ({ name }: StateVariable) => name.startsWith(`${prefix}head.`);
  state.load(new Map(head.map(([name, value]) => [prefix + name, value])), from, isHead, prefix);
}
