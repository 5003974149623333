/** Training that starts from a trained network: its backbone, and its classifier where that is for as many classes. */

import type { Network, NetworkDescription } from '../../nn/network';
import { partOf } from '../../nn/network-parts';
import { type Normalisation, symmetric } from '../../nn/normalisation';
import { normalisationName } from '../../nn/normalisation-text';
import { backbones } from '../../nn/registry';
import type { NamedValues, State } from '../../runtime/state';
import { UserError } from '../../system/user-error';
import { type PretrainedWeights, pretrainedWeights } from '../../weights/pretrained-weights';
import { isExternal } from '../../weights/weights-file';
import { readNetwork } from './load-network';

/** Weights that a training starts from. */
export interface InitialWeights extends PretrainedWeights {
  readonly file: string;
}

/**
 * Reads a file of PyTorch or safetensors, or a checkpoint.
 * @param option the option that names the network's architecture, for errors: 'student'
 * @param stateDict which of several networks in the file
 * @throws UserError where the file is of another architecture, width, embedding size or image size
 */
export function readInitialWeights(
  file: string,
  description: NetworkDescription,
  option: string,
  stateDict?: string,
): InitialWeights {
  const { backbone, width, inputSize, embeddingSize } = description;
  if (isExternal(file)) {
    const sizes = { inputSize, width, ...(embeddingSize !== undefined && { embeddingSize }) };
    const sizeOptions = { width: `--${option}-width`, embeddingSize: '--embedding-size' };
    return { file, ...pretrainedWeights(file, { backbone, ...sizes, sizeOptions }, stateDict) };
  }
  const { description: theirs, tensors } = readNetwork(file, { stateDict });
  if (backbones.named(theirs.backbone).name !== backbones.named(backbone).name || theirs.width !== width) {
    throw new UserError(
      `${file} holds ${theirs.backbone} of width ${theirs.width}; ${backbone} of width ${width} cannot start from it: give --${option}=${theirs.backbone} --${option}-width=${theirs.width}, or another file.`,
      1,
    );
  }
  return { file, backbone, normalisation: theirs.normalisation, tensors };
}

/**
 * Loads the backbone's weights into a new network, and the classifier's where they have its shape. Anything else in the
 * file (a projection, its teacher's head) is left out.
 * @param takesHead false: another network's classifier is shared instead of the file's
 * @returns sentences for the log: what was loaded, and what may be a mistake
 */
export function startFrom(
  state: State,
  network: Network,
  { file, backbone, tensors, normalisation, notes = [] }: InitialWeights,
  takesHead: boolean,
): readonly string[] {
  const { description } = network;
  const prefix = `${network.root}/`;
  const own = network.variables().map(({ name, shape }) => ({ name: name.slice(prefix.length), shape }));
  const heads = own.filter(({ name }) => partOf(name) === 'head');
  const theirs = [...tensors].filter(([name]) => partOf(name) === 'head');
  const fits =
    theirs.length === heads.length &&
    heads.every(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join());
  const wanted = takesHead && fits ? ['backbone', 'head'] : ['backbone'];
  const taken = [...tensors].filter(([name]) => wanted.includes(partOf(name)));
  const names = new Set(taken.map(([name]) => name));
  const ours = new Map(taken.map(([name, value]) => [prefix + name, value]));
  const isWanted = (name: string) => partOf(name) === 'backbone' || names.has(name);
  state.load(ours, file, ({ name }) => name.startsWith(prefix) && isWanted(name.slice(prefix.length)), prefix);
  const initialised = `a classifier of ${description.classes} classes is initialised at random`;
  const head = !takesHead
    ? 'without its classifier: the shared one is used'
    : fits
      ? 'with its classifier'
      : theirs.length === 0
        ? `which holds no classifier: ${initialised}`
        : `without its classifier, ${shapesOf(theirs)}: ${initialised}`;
  const hint = normalisationHint(file, normalisation, description.normalisation);
  return [
    `starts from ${file} (${backbone}), ${head}`,
    ...notes.map((note) => `${file}: ${note}`),
    ...(hint === undefined ? [] : [hint]),
  ];
}

const shapesOf = (tensors: readonly (readonly [string, NamedValues])[]): string =>
  tensors.map(([name, { shape }]) => `${name} [${shape}]`).join(' and ');

/** A sentence for the log where the file's network normalises images in another way. */
function normalisationHint(
  file: string,
  theirs: Normalisation = symmetric,
  own: Normalisation = symmetric,
): string | undefined {
  if (JSON.stringify(theirs) === JSON.stringify(own)) return undefined;
  return `the weights in ${file} expect --normalisation=${normalisationName(theirs)}; this network uses ${normalisationName(own)}`;
}
