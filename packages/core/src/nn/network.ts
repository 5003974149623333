import { softmax } from '../runtime/ops/cross-entropy';
import { globalAveragePool } from '../runtime/ops/pooling';
import type { NamedValues, State, StateVariable, TablePart } from '../runtime/state';
import type { GivenValues } from '../runtime/stored-values';
import { type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import type { ImageSize } from '../system/image-size';
import type { ApplyOptions, BackboneOutput } from './backbone';
import { type BottleneckShape, bottleneck } from './bottleneck';
import type { Head } from './head';
import { linear, type Mode } from './layers';
import { type Normalisation, normalised, symmetric } from './normalisation';
import { backbones, heads } from './registry';
import { Scope, type ScopeOptions } from './scope';

/** A network's architecture, as its checkpoints record it. */
export interface NetworkDescription {
  readonly backbone: string;
  readonly head: string;
  readonly inputSize: ImageSize;
  readonly width: number;
  /** The wanted size; backbones that fix theirs ignore this. */
  readonly embeddingSize?: number;
  /** The output size of a learned linear map of the backbone's embedding, which adapts it to another network's head. */
  readonly projection?: number;
  /** Convolutions turn the backbone's last map into one whose pooled values suit another network's head. */
  readonly bottleneck?: BottleneckShape;
  readonly classes: number;
  /** A margin head's factor for cosines, and its margin. */
  readonly scale?: number;
  readonly margin?: number;
  /** Default: `symmetric`. */
  readonly normalisation?: Normalisation;
  /** The teacher's embedding size, where a learned linear map takes the student's embedding to it for comparison. */
  readonly teacherSpace?: number;
  /** Mixes the predictions of the teacher's head in. */
  readonly blend?: Blend;
}

/** p' = (1 - share) p(own head) + share p(teacher's head) (arXiv 2201.06945). */
export interface Blend {
  readonly share: number;
  readonly head: string;
  readonly scale?: number | undefined;
}

export interface NetworkOutput extends BackboneOutput {
  /** The bottleneck's output, where there is one. */
  readonly transferred?: Tensor4D;
}

/** A backbone and a head, whose variables are called `root/...` in a state. */
export interface Network {
  readonly description: NetworkDescription;
  readonly root: string;
  readonly embeddingSize: number;
  readonly head: Head;
  /** pixels [batch, height, width, 3] in 0..255 -> features and embedding. */
  embed(pixels: Tensor4D, mode: Mode, options?: ApplyOptions): NetworkOutput;
  /** Logits [batch, classes] for predictions: the head's, or the logarithms of a blend's mixture. */
  predict(embedding: Tensor2D): Tensor2D;
  /** The embedding in the teacher's space; the embedding itself without `teacherSpace`. */
  toTeacherSpace(embedding: Tensor2D): Tensor2D;
  variables(): StateVariable[];
  /** The eager values of its (wanted) variables, by their names without the root. */
  weights(wanted?: (name: string) => boolean): Map<string, NamedValues>;
  /** Sets its variables from the `weights()` of the same architecture. @throws UserError naming tensors that do not fit */
  load(weights: ReadonlyMap<string, GivenValues>, source: string): void;
}

export interface BuildOptions extends ScopeOptions {
  /** Builds the head so that a step can use some of its classes: see `HeadShape`. */
  readonly classRows?: boolean;
  /** The head is for some classes, which this process holds; needs `classRows`. Absent: for all. */
  readonly held?: HeldClasses | undefined;
}

/** Classes that one of several processes holds. */
export interface HeldClasses extends TablePart {
  readonly count: number;
}

/**
 * Builds a network in `state`; the head's variables are called `head.*`.
 * @param seed for the initial weights; undefined where the weights are loaded next
 */
export function buildNetwork(
  state: State,
  root: string,
  description: NetworkDescription,
  seed: number | undefined,
  { classRows = false, held, ...options }: BuildOptions = {},
): Network {
  const { inputSize, width, embeddingSize, classes, scale, margin, normalisation = symmetric } = description;
  const scope = Scope.root(state, root, seed, options);
  const definition = backbones.named(description.backbone);
  const backbone = definition.build(scope, { inputSize, width, embeddingSize });
  const adapt = adapter(scope, backbone.embeddingSize, description);
  const headScope = scope.child('head');
  const head = heads.named(description.head).build(held ? headScope.holding(held) : headScope, {
    inputs: adapt.embeddingSize,
    classes: held?.count ?? classes,
    scale,
    margin,
    classRows,
    ...definition.classifierInitialisation,
  });
  const { teacherSpace, blend } = description;
  const toTeacherSpace =
    teacherSpace === undefined
      ? (z: Tensor2D) => z
      : linear(scope.child('teacher_space'), { inputs: adapt.embeddingSize, outputs: teacherSpace, bias: false });
  const teacherHead =
    blend &&
    heads.named(blend.head).build(scope.child('teacher_head'), {
      inputs: teacherSpace ?? adapt.embeddingSize,
      classes,
      ...(blend.scale !== undefined && { scale: blend.scale }),
    });
  return {
    ...ownVariables(state, root),
    description,
    root,
    embeddingSize: adapt.embeddingSize,
    head,
    embed: (pixels, mode, asked) => adapt.apply(backbone.apply(normalised(pixels, normalisation), mode, asked), mode),
    predict(embedding) {
      const own = head.logits(embedding);
      return teacherHead && blend ? blended(own, teacherHead.logits(toTeacherSpace(embedding)), blend.share) : own;
    },
    toTeacherSpace,
  };
}

/** Access to a network's variables, the state's variables below `root`. */
export function ownVariables(state: State, root: string): Pick<Network, 'variables' | 'weights' | 'load'> {
  const prefix = `${root}/`;
  return {
    variables: () => state.all().filter(({ name }) => name.startsWith(prefix)),
    weights(wanted = () => true) {
      const values = state.values(({ name }) => name.startsWith(prefix) && wanted(name.slice(prefix.length)));
      return new Map([...values].map(([name, value]) => [name.slice(prefix.length), value]));
    },
    load(weights, source) {
      const own = new Map([...weights].map(([name, value]) => [prefix + name, value]));
      state.load(own, source, ({ name }) => name.startsWith(prefix), prefix);
    },
  };
}

interface Adapter {
  readonly embeddingSize: number;
  apply(output: BackboneOutput, mode: Mode): NetworkOutput;
}

/** Adapts a backbone's output to another network's head. */
function adapter(scope: Scope, inputs: number, { projection, bottleneck: shape }: NetworkDescription): Adapter {
  if (shape) {
    const transfer = bottleneck(scope.child('bottleneck'), shape);
    return {
      embeddingSize: shape.outputs,
      apply(output, mode) {
        const transferred = transfer(output.features.at(-1) as Tensor4D, mode);
        return { ...output, transferred, embedding: globalAveragePool(transferred) };
      },
    };
  }
  if (projection === undefined) return { embeddingSize: inputs, apply: (output) => output };
  const project = linear(scope.child('projection'), { inputs, outputs: projection, bias: false });
  return {
    embeddingSize: projection,
    apply: (output) => ({ ...output, embedding: project(output.embedding) }),
  };
}

/** The logarithm of a mixture of two heads' probabilities. Its softmax is the mixture, so it can serve as logits. */
function blended(own: Tensor2D, teachers: Tensor2D, share: number): Tensor2D {
  const mixture = tf.add(tf.mul(softmax(own), 1 - share), tf.mul(softmax(teachers), share));
  return tf.log(tf.maximum(mixture, 1e-30)) as Tensor2D;
}
