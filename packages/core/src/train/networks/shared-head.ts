import { buildNetwork, type Network, type NetworkDescription } from '../../nn/network';
import { partOf } from '../../nn/network-parts';
import { type NetworkShape, shapeOf } from '../../nn/network-shape';
import { globalAveragePool } from '../../runtime/ops/pooling';
import { State, type StateVariable } from '../../runtime/state';
import { scoped, type Tensor4D, tf } from '../../runtime/tensorflow';
import { sides } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import { allTensors, type NetworkWeights } from './load-network';

/** Another network's classifier, used as this network's head. */
export interface SharedHead {
  /** A network's checkpoint. */
  readonly from: string;
  /** frozen: it never moves (SH-KD's temporary head); initial: training starts from it. */
  readonly use: 'frozen' | 'initial';
}

/** The weights of the network whose head is shared. */
export interface SharedWeights extends NetworkWeights {
  readonly use: SharedHead['use'];
  /**
   * How the network's embedding is brought to the head's size. linear: by a learned linear map, if the sizes differ;
   * bottleneck: by convolutions on its last feature map (SimKD). Default: linear.
   */
  readonly by?: 'linear' | 'bottleneck';
}

// As published: SimKD's --factor.
const bottleneckFactor = 2;

/** The network, changed so that the shared head fits its embedding. @throws UserError where it cannot fit */
export function suitedTo(shared: SharedWeights | undefined, network: NetworkDescription): NetworkDescription {
  if (!shared) return network;
  const { description, file, by } = shared;
  const { classes, head, scale, margin } = description;
  if (classes !== network.classes) {
    throw new UserError(
      `The head of ${file} has ${classes} classes, this data has ${network.classes}: networks can only share a head if they have the same classes.`,
      1,
    );
  }
  const suited: NetworkDescription = {
    ...network,
    head,
    ...(scale !== undefined && { scale }),
    ...(margin !== undefined && { margin }),
  };
  if (by === 'bottleneck') return { ...suited, bottleneck: bottleneckBetween(shapeOfDescription(network), shared) };
  const inputs = allTensors(shared).get('head.weight')?.shape[0];
  const { embeddingSize } = shapeOfDescription(network);
  return inputs === undefined || inputs === embeddingSize ? suited : { ...suited, projection: inputs };
}

/** The shapes of a network's feature maps and embedding. */
export function shapeOfDescription(description: NetworkDescription): NetworkShape {
  const state = new State();
  try {
    return shapeOf(buildNetwork(state, 'probe', description, undefined));
  } finally {
    state.dispose();
  }
}

function bottleneckBetween(
  student: NetworkShape,
  { description, tensors, file }: NetworkWeights,
): NetworkDescription['bottleneck'] {
  const state = new State();
  try {
    const teacher = buildNetwork(state, 'probe', description, undefined);
    teacher.load(tensors, file);
    const map = shapeOf(teacher).features.at(-1);
    if (!map || !poolsItsLastMap(teacher)) {
      throw new UserError(
        `simkd cannot reuse the classifier of ${file}: ${description.backbone} does not pool its last feature map into its embedding.`,
        1,
      );
    }
    const { height, width, channels: outputs } = map;
    return { inputs: student.features.at(-1)?.channels ?? 0, outputs, size: [height, width], factor: bottleneckFactor };
  } finally {
    state.dispose();
  }
}

/** Whether an embedding may be the last feature map, pooled, judged by its length alone. */
export const mayPoolItsLastMap = ({ features, embeddingSize }: NetworkShape): boolean =>
  features.at(-1)?.channels === embeddingSize;

/** Tried on an image: architectures do not declare how they make their embeddings. */
function poolsItsLastMap({ description: { inputSize }, embed }: Network): boolean {
  const { height, width } = sides(inputSize);
  return scoped(() => {
    const picture = tf.tile(tf.range(0, height).reshape([1, height, 1, 1]), [1, 1, width, 3]) as Tensor4D;
    const { features, embedding } = embed(picture, 'eval');
    const pooled = globalAveragePool(features.at(-1) as Tensor4D);
    if (pooled.shape.join() !== embedding.shape.join()) return false;
    const difference = tf.max(tf.abs(tf.sub(pooled, embedding))).dataSync()[0] ?? Number.NaN;
    return difference <= 1e-4 * (tf.max(tf.abs(embedding)).dataSync()[0] ?? 0) + 1e-12;
  });
}

/** Loads another network's head into the network's head `name`: its own, or the 'teacher_head' of a blend. */
export function copyHead(state: State, network: Network, weights: NetworkWeights, name: 'head' | 'teacher_head'): void {
  const prefix = `${network.root}/`;
  const theirs = [...allTensors(weights)].filter(([variable]) => partOf(variable) === 'head');
  const isHead = (variable: StateVariable) => variable.name.startsWith(prefix) && partOf(variable.name) === name;
  const renamed = theirs.map(([variable, value]) => [prefix + variable.replace(/^head/, name), value] as const);
  state.load(new Map(renamed), weights.file, isHead, prefix);
}
