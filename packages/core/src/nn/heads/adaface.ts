import type { CosineMargin } from '../../runtime/ops/cosine-margin';
import { moveRunning, runningStart } from '../../runtime/slice-statistics';
import { type Tensor, type Tensor2D, tf, type Variable } from '../../runtime/tensorflow';
import { constant } from '../initialisers';
import { marginHead } from '../margin-head';
import type { Scope } from '../scope';

const epsilon = 1e-3;
/** The share of the margin by which a norm of one standard deviation above the mean moves it. */
const concentration = 0.333;
/** The share of the new batch in the running statistics. */
const share = 0.01;

/**
 * AdaFace (Kim et al., arXiv 2204.00964; mk-minchul/AdaFace, head.py, with m 0.4, h 0.333, t_alpha 0.01 as published):
 * the margin depends on the embedding's norm, an estimate of the image's quality. Norms are standardised by their running mean
 * and deviation, which start at 20 and 100; no gradient passes through them. As in the reference, a step's norms update the
 * statistics before they are used. Unlike there, cosines of other classes are not clipped at 1 - 1e-3.
 */
export default marginHead(
  'adaface',
  'AdaFace (arXiv 2204.00964): the margin adapts to the quality of each image, estimated by the norm of its embedding',
  { scale: 64, margin: 0.4 },
  qualityMargin,
);

function qualityMargin(margin: number, scope: Scope): (embedding: Tensor2D) => CosineMargin {
  const mean = scope.statistic('batch_mean', [1], constant(20), 'running');
  const deviation = scope.statistic('batch_std', [1], constant(100), 'running');
  return (embedding) => {
    const norms = tf.clipByValue(tf.norm(embedding, 2, 1), 0.001, 100);
    const ofBatch = tf.mean(norms);
    const variance = tf.div(tf.sum(tf.square(tf.sub(norms, ofBatch))), Math.max(1, norms.size - 1));
    const now = { mean: follow(mean, ofBatch), deviation: follow(deviation, tf.sqrt(variance)) };
    const quality = tf.div(tf.sub(norms, now.mean), tf.add(now.deviation, epsilon));
    const scaled = tf.mul(tf.clipByValue(tf.mul(quality, concentration), -1, 1), margin);
    return ofNorms(tf.neg(scaled), tf.add(scaled, margin));
  };
}

/** Moves a running statistic. @returns its new value */
function follow(variable: Variable, value: Tensor): Tensor {
  const movedFrom = (start: Tensor) => tf.add(tf.mul(value, share), tf.mul(start, 1 - share));
  const moved = movedFrom(variable);
  const start = runningStart(variable);
  moveRunning(variable, share, start === variable ? moved : movedFrom(start));
  return moved;
}

/** cos(angle + angular) - additive, both [batch], one per example; without slope where angles are clipped. */
function ofNorms(angular: Tensor, additive: Tensor): CosineMargin {
  const angle = (cosine: Tensor) => tf.acos(tf.clipByValue(cosine, epsilon - 1, 1 - epsilon));
  const moved = (cosine: Tensor) => tf.add(angle(cosine), angular);
  const within = (x: Tensor) => tf.clipByValue(x, epsilon, Math.PI - epsilon);
  const isWithin = (x: Tensor, low: number, high: number) =>
    tf.cast(tf.logicalAnd(tf.greaterEqual(x, low), tf.lessEqual(x, high)), 'float32');
  return {
    value: (cosine) => tf.sub(tf.cos(within(moved(cosine))), additive),
    slope(cosine) {
      const to = moved(cosine);
      const passes = tf.mul(isWithin(cosine, epsilon - 1, 1 - epsilon), isWithin(to, epsilon, Math.PI - epsilon));
      return tf.mul(passes, tf.div(tf.sin(to), tf.sin(angle(cosine))));
    },
  };
}
