/** Training that starts from a trained network: its backbone, and its classifier where that is for as many classes. */

import type { Network, NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { type Normalisation, normalisations, symmetric } from '../nn/normalisation';
import { backbones } from '../nn/registry';
import type { NamedValues, State } from '../runtime/state';
import { UserError } from '../system/user-error';
import { type PretrainedWeights, pretrainedWeights } from '../weights/pretrained-weights';
import { isExternal } from '../weights/weights-file';
import { readNetwork } from './load-network';

/**
 * Gives a network that was just built the weights of a file of PyTorch or safetensors, or of a checkpoint of ours. What
 * such a file has besides backbone and classifier (a projection, its teacher's head) is left out; a classifier of
 * another shape is too, and the network's own stays as it was initialised.
 * @param option the option that names the network's architecture, for errors: 'student'
 * @param takesHead false: another network's classifier takes the place of the file's
 * @returns a sentence that says what was taken, and one for each thing that is worth a second thought
 * @throws UserError where the file is of another architecture, width, embedding or size of images
 */
export function startFrom(
  state: State,
  network: Network,
  file: string,
  { option, takesHead }: { readonly option: string; readonly takesHead: boolean },
): readonly string[] {
  const { description } = network;
  const given = read(file, description, option);
  const { tensors, backbone } = given;
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
  const head = !takesHead
    ? 'its classifier is left out for the one that is shared'
    : fits
      ? 'with its classifier'
      : theirs.length === 0
        ? `it holds no classifier: one of ${description.classes} classes is initialised anew`
        : `its classifier, ${shapesOf(theirs)}, is left out: one of ${description.classes} classes is initialised anew`;
  const hint = normalisationHint(file, given.normalisation, description.normalisation);
  return [`starts from ${file} (${backbone}); ${head}`, ...(hint === undefined ? [] : [hint])];
}

function read(file: string, description: NetworkDescription, option: string): PretrainedWeights {
  const { backbone, width, inputSize, embeddingSize } = description;
  if (isExternal(file)) {
    if (width !== 1) {
      throw new UserError(
        `${file} holds a network of full width: --${option}-initial goes with --${option}-width=1 (given: ${width}).`,
        1,
      );
    }
    return pretrainedWeights(file, { backbone, inputSize, ...(embeddingSize !== undefined && { embeddingSize }) });
  }
  const { description: theirs, tensors } = readNetwork(file);
  if (backbones.named(theirs.backbone).name !== backbones.named(backbone).name || theirs.width !== width) {
    throw new UserError(
      `${file} holds ${theirs.backbone} of width ${theirs.width}, and cannot be where ${backbone} of width ${width} starts from: give --${option}=${theirs.backbone} --${option}-width=${theirs.width}, or another file.`,
      1,
    );
  }
  return { backbone, normalisation: theirs.normalisation, tensors };
}

const shapesOf = (tensors: readonly (readonly [string, NamedValues])[]): string =>
  tensors.map(([name, { shape }]) => `${name} [${shape}]`).join(' and ');

/** A sentence where the network that weights are from saw images otherwise normalised than the one they are for. */
function normalisationHint(
  file: string,
  theirs: Normalisation = symmetric,
  own: Normalisation = symmetric,
): string | undefined {
  if (JSON.stringify(theirs) === JSON.stringify(own)) return undefined;
  return `images are normalised otherwise than for ${file}, whose network goes with --normalisation=${nameOf(theirs)}; here it is ${nameOf(own)}`;
}

function nameOf(normalisation: Normalisation): string {
  const known = Object.entries(normalisations).find(([, one]) => JSON.stringify(one) === JSON.stringify(normalisation));
  return known?.[0] ?? `mean ${normalisation.mean}, deviation ${normalisation.deviation}`;
}
