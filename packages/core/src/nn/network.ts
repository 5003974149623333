import type { NamedValues, State, StateVariable } from '../runtime/state';
import { type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import type { ApplyOptions, BackboneOutput } from './backbone';
import type { Head } from './head';
import { linear, type Mode } from './layers';
import { backbones, heads } from './registry';
import { Scope, type ScopeOptions } from './scope';

/** What a network is, as its checkpoints record it. */
export interface NetworkDescription {
  readonly backbone: string;
  readonly head: string;
  readonly inputSize: number;
  readonly width: number;
  /** Asked of the backbone; architectures that fix it ignore this. */
  readonly embeddingSize?: number;
  /** A learned linear map takes the backbone's embedding to this size, to suit a head made for another network. */
  readonly projection?: number;
  readonly classes: number;
  /** Of margin heads: what cosines are multiplied by, and the margin. */
  readonly scale?: number;
  readonly margin?: number;
}

/** Backbone and head, with their variables under `root/` in a state. */
export interface Network {
  readonly description: NetworkDescription;
  readonly root: string;
  readonly embeddingSize: number;
  readonly head: Head;
  /** pixels [batch, size, size, 3] in 0..255 -> features and embedding. */
  embed(pixels: Tensor4D, mode: Mode, options?: ApplyOptions): BackboneOutput;
  variables(): StateVariable[];
  /** The eager values of its variables, by their names without the root. */
  weights(): Map<string, NamedValues>;
  /** Sets its variables from `weights()` of such a network. @throws UserError naming what does not fit `source`. */
  load(weights: ReadonlyMap<string, NamedValues>, source: string): void;
}

/**
 * Builds a network in `state`; the head's variables are called `head.*`.
 * @param seed of the initial weights; undefined for one whose weights are loaded next
 */
export function buildNetwork(
  state: State,
  root: string,
  description: NetworkDescription,
  seed: number | undefined,
  options: ScopeOptions = {},
): Network {
  const { inputSize, width, embeddingSize, projection, classes, scale, margin } = description;
  const scope = Scope.root(state, root, seed, options);
  const definition = backbones.named(description.backbone);
  const backbone = definition.build(scope, { inputSize, width, embeddingSize });
  const size = projection ?? backbone.embeddingSize;
  const project =
    projection === undefined
      ? (z: Tensor2D) => z
      : linear(scope.child('projection'), { inputs: backbone.embeddingSize, outputs: projection, bias: false });
  const head = heads.named(description.head).build(scope.child('head'), {
    inputs: size,
    classes,
    scale,
    margin,
    ...definition.classifierInitialisation,
  });
  const prefix = `${root}/`;
  const variables = () => state.all().filter(({ name }) => name.startsWith(prefix));
  return {
    description,
    root,
    embeddingSize: size,
    head,
    embed(pixels, mode, options) {
      const output = backbone.apply(normalisePixels(pixels), mode, options);
      return { ...output, embedding: project(output.embedding) };
    },
    variables,
    weights() {
      const values = state.values(({ name }) => name.startsWith(prefix));
      return new Map([...values].map(([name, value]) => [name.slice(prefix.length), value]));
    },
    load(weights, source) {
      const own = new Map([...weights].map(([name, value]) => [prefix + name, value]));
      state.load(own, source, ({ name }) => name.startsWith(prefix), prefix);
    },
  };
}

/** 0..255 -> -1..1, as the face references do; zero mean at mid-grey serves the other tasks as well. */
function normalisePixels(pixels: Tensor4D): Tensor4D {
  return tf.div(tf.sub(pixels, 127.5), 127.5) as Tensor4D;
}
