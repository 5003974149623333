import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { type NetworkShape, shapeOf } from '../nn/network-shape';
import { globalAveragePool } from '../runtime/ops/pooling';
import { State, type StateVariable } from '../runtime/state';
import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import { loadNetwork, readNetwork } from './load-network';

/** Another network's classifier, taken over. */
export interface SharedHead {
  /** A network's checkpoint. */
  readonly from: string;
  /** frozen: it never moves (SH-KD's temporary head); initial: training starts from it. */
  readonly use: 'frozen' | 'initial';
  /**
   * What suits the network to it. linear: a learned linear map where its embedding has another size; bottleneck:
   * convolutions on its last map (SimKD). Default: linear.
   */
  readonly by?: 'linear' | 'bottleneck';
}

// As published: SimKD's --factor.
const bottleneckFactor = 2;

/** The network as it must be to read its embedding with the shared head. @throws UserError where it cannot be. */
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
  const suited: NetworkDescription = {
    ...network,
    head: kind,
    ...(scale !== undefined && { scale }),
    ...(margin !== undefined && { margin }),
  };
  const own = shapeOfDescription(network);
  if (head.by === 'bottleneck') return { ...suited, bottleneck: bottleneckBetween(own, head.from) };
  const inputs = tensors.get('head.weight')?.shape[0];
  return inputs === undefined || inputs === own.embeddingSize ? suited : { ...suited, projection: inputs };
}

/** The shapes of what such a network gives. */
export function shapeOfDescription(description: NetworkDescription): NetworkShape {
  const state = new State();
  try {
    return shapeOf(state, buildNetwork(state, 'probe', description, undefined));
  } finally {
    state.dispose();
  }
}

function bottleneckBetween(student: NetworkShape, teacherFile: string): NetworkDescription['bottleneck'] {
  const state = new State();
  try {
    const teacher = loadNetwork(state, 'probe', teacherFile);
    const map = shapeOf(state, teacher).features.at(-1);
    if (!map || !poolsItsLastMap(teacher)) {
      throw new UserError(
        `The classifier of ${teacherFile} cannot be reused on a map (simkd): ${teacher.description.backbone} does not make its embedding by pooling its last map.`,
        1,
      );
    }
    const { height, width, channels: outputs } = map;
    return { inputs: student.features.at(-1)?.channels ?? 0, outputs, size: [height, width], factor: bottleneckFactor };
  } finally {
    state.dispose();
  }
}

/** Seen on a picture: architectures do not say how they make their embeddings. */
function poolsItsLastMap({ description: { inputSize }, embed }: Network): boolean {
  return scoped(() => {
    const picture = tf.tile(tf.range(0, inputSize).reshape([1, inputSize, 1, 1]), [1, 1, inputSize, 3]) as Tensor4D;
    const { features, embedding } = embed(picture, 'eval');
    const pooled = globalAveragePool(features.at(-1) as Tensor4D);
    if (pooled.shape.join() !== embedding.shape.join()) return false;
    const difference = tf.max(tf.abs(tf.sub(pooled, embedding))).dataSync()[0] ?? Number.NaN;
    return difference <= 1e-4 * (tf.max(tf.abs(embedding)).dataSync()[0] ?? 0) + 1e-12;
  });
}

/** Gives the network's head the shared head's weights. */
export function shareHead(state: State, network: Network, { from }: SharedHead): void {
  copyHead(state, network, from, 'head');
}

/** Gives the head `name` of the network ('head', or a blend's 'teacher_head') the weights of another network's head. */
export function copyHead(state: State, network: Network, from: string, name: 'head' | 'teacher_head'): void {
  const { tensors } = readNetwork(from);
  const prefix = `${network.root}/`;
  const theirs = [...tensors].filter(([variable]) => partOf(variable) === 'head');
  const isHead = (variable: StateVariable) => variable.name.startsWith(prefix) && partOf(variable.name) === name;
  const renamed = theirs.map(([variable, value]) => [prefix + variable.replace(/^head/, name), value] as const);
  state.load(new Map(renamed), from, isHead, prefix);
}
