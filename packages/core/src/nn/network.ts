import type { State, StateVariable } from '../runtime/state';
import { type Tensor4D, tf } from '../runtime/tensorflow';
import type { Backbone, BackboneOutput } from './backbone';
import type { Head } from './head';
import type { Mode } from './layers';
import { backbones, heads } from './registry';
import { Scope } from './scope';

/** What a network is, as its checkpoints record it. */
export interface NetworkDescription {
  readonly backbone: string;
  readonly head: string;
  readonly inputSize: number;
  readonly width: number;
  /** Asked of the backbone; architectures that fix it ignore this. */
  readonly embeddingSize?: number;
  readonly classes: number;
}

/** Backbone and head, with their variables under `root/` in a state. */
export interface Network {
  readonly description: NetworkDescription;
  readonly root: string;
  readonly backbone: Backbone;
  readonly head: Head;
  /** pixels [batch, size, size, 3] in 0..255 -> features and embedding. */
  embed(pixels: Tensor4D, mode: Mode): BackboneOutput;
  variables(): StateVariable[];
}

/** Builds a network in `state`; the head's variables are called `head.*`. */
export function buildNetwork(state: State, root: string, description: NetworkDescription, seed: number): Network {
  const { inputSize, width, embeddingSize, classes } = description;
  const scope = Scope.root(state, root, seed);
  const backbone = backbones.named(description.backbone).build(scope, { inputSize, width, embeddingSize });
  const head = heads.named(description.head).build(scope.child('head'), { inputs: backbone.embeddingSize, classes });
  return {
    description,
    root,
    backbone,
    head,
    embed: (pixels, mode) => backbone.apply(normalisePixels(pixels), mode),
    variables: () => state.all().filter(({ name }) => name.startsWith(`${root}/`)),
  };
}

/** 0..255 -> -1..1, as the face references do; zero mean at mid-grey serves the other tasks as well. */
function normalisePixels(pixels: Tensor4D): Tensor4D {
  return tf.div(tf.sub(pixels, 127.5), 127.5) as Tensor4D;
}
