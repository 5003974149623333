/** The two networks of factor transfer (Kim et al., arXiv 1802.04977; RepDistiller's models/util.py). */
import { batchNorm, type Mode } from '../../nn/layers';
import type { FeatureShape } from '../../nn/network-shape';
import type { Scope } from '../../nn/scope';
import { activate } from '../../runtime/ops/activation';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { moduleConvolution, moduleTransposedConvolution } from './convolution';

/** The factor's channels as a share of the teacher's. */
const published = { share: 0.5 };

type Layer = typeof moduleConvolution;

/** Three 3x3 layers, numbered 0, 3 and 6 as in PyTorch, each with optional batch norm and a leaky ReLU (0.1). */
function layers(scope: Scope, make: Layer, channels: readonly number[], norms: boolean) {
  const all = channels.slice(1).map((outputs, i) => {
    const inputs = channels[i] as number;
    const convolve = make(scope.child(`${3 * i}`), { inputs, outputs, kernel: 3, padding: 1 });
    const norm = norms ? batchNorm(scope.child(`${3 * i + 1}`), outputs) : undefined;
    return (x: Tensor4D, mode: Mode): Tensor4D => {
      const activation = { slope: tf.fill([outputs], 0.1) };
      const y = convolve(x);
      return norm ? norm(y, mode, { activation }) : activate(y, activation);
    };
  });
  return (x: Tensor4D, mode: Mode): Tensor4D => all.reduce((y, layer) => layer(y, mode), x);
}

const factorChannels = (teacher: FeatureShape, share: number): number => Math.floor(teacher.channels * share);

/** The student's feature map -> its factor [batch, h, w, c' share] for c' channels of the teacher. Parameters `encoder.*`. */
export function translator(
  scope: Scope,
  student: FeatureShape,
  teacher: FeatureShape,
  { share = published.share, norms = true }: { readonly share?: number; readonly norms?: boolean } = {},
): (x: Tensor4D, mode: Mode) => Tensor4D {
  const factor = factorChannels(teacher, share);
  return layers(scope.child('encoder'), moduleConvolution, [student.channels, student.channels, factor, factor], norms);
}

export interface Paraphraser {
  /** The teacher's feature map [batch, h, w, c] -> its factor [batch, h, w, c share]. */
  encode(x: Tensor4D, mode: Mode): Tensor4D;
  /** A factor -> the reconstructed feature map. */
  decode(factor: Tensor4D, mode: Mode): Tensor4D;
}

/**
 * The autoencoder of the teacher's feature map; it learns to reconstruct it (mean squared difference) for 30 epochs before
 * training proper, and is then frozen, in evaluation mode. Parameters `encoder.*`, `decoder.*`.
 */
export function paraphraser(
  scope: Scope,
  teacher: FeatureShape,
  { share = published.share, norms = false }: { readonly share?: number; readonly norms?: boolean } = {},
): Paraphraser {
  const { channels } = teacher;
  const factor = factorChannels(teacher, share);
  return {
    encode: layers(scope.child('encoder'), moduleConvolution, [channels, channels, factor, factor], norms),
    decode: layers(scope.child('decoder'), moduleTransposedConvolution, [factor, factor, channels, channels], norms),
  };
}
