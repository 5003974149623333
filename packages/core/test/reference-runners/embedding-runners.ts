/** Runs cases of losses of embeddings, of contrastive losses with memories, and of margins. */

import { contrastLoss, contrastProbabilities, contrastScores, movedRows } from '../../src/distill/losses/contrast';
import { correlationLoss } from '../../src/distill/losses/correlation-congruence';
import { probabilisticLoss } from '../../src/distill/losses/probabilistic';
import { relationalTerms } from '../../src/distill/losses/relational';
import { additiveMargin, angularMargin, cosines, marginLogits } from '../../src/runtime/ops/cosine-margin';
import { crossEntropy } from '../../src/runtime/ops/cross-entropy';
import { rowProducts } from '../../src/runtime/ops/rows';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../../src/runtime/tensorflow';
import { interclassFiltered } from '../interclass-filter';
import { embedded } from './embedded';
import type { Given, Outcome, Runner } from './given';
import { throughTeacher } from './logit-runners';

const embeddedPair =
  (loss: (student: Tensor, teacher: Tensor, given: Given) => Outcome): Runner =>
  (given) => {
    const [ours, theirs] = [embedded(given, 'f_s', 'embed_s'), embedded(given, 'f_t', 'embed_t')];
    return () => loss(ours(), theirs(), given);
  };

const cc = embeddedPair((ours, theirs) => ({ loss: correlationLoss(ours as Tensor2D, theirs as Tensor2D) }));

const pkt = embeddedPair((ours, theirs, given) => ({
  loss: probabilisticLoss(ours as Tensor2D, theirs as Tensor2D, given.hyperOr(1e-7, 'eps')),
}));

const rkd = embeddedPair((ours, theirs, given) => {
  const { distance, angle } = relationalTerms(ours, theirs);
  return {
    loss: tf.add(tf.mul(distance, given.hyper('w_d')), tf.mul(angle, given.hyper('w_a'))).asScalar(),
    components: { distance_only: distance, angle_only: angle },
  };
});

/** One network's memory [images, d], and the normaliser of the scores against it. */
interface Side {
  rows: Float32Array;
  normaliser: number;
}

const ordinals = ['first', 'second', 'third', 'fourth'].map((word) => `${word}_call`);

/** Sums the loss over the calls that the case lists; each call updates memories and normalisers without gradients. */
function contrastCalls(given: Given): () => Outcome {
  const [embedStudent, embedTeacher] = [embedded(given, 'f_s', 'embed_s'), embedded(given, 'f_t', 'embed_t')];
  const memory = (name: string) => given.weight(`contrast.${name}`);
  const [first, second, parameters] = [memory('memory_v1'), memory('memory_v2'), memory('params')];
  const [images, size] = first.shape as [number, number];
  const values = parameters.dataSync() as Float32Array;
  const [, temperature = 0, , , momentum = 0] = values;
  const side = (variable: Tensor, normaliser: number | undefined): Side => ({
    rows: Float32Array.from(variable.dataSync()),
    normaliser: normaliser ?? -1,
  });
  const index = given.integers('index');
  const contrast = given.integers('contrast_idx') as Tensor as Tensor2D;
  const calls = Math.max(1, ordinals.filter((name) => name in (given.from.expected.components ?? {})).length);

  /** The loss of one network's embedding against the other's memory. */
  const against = (embedding: Tensor2D, { rows }: Side, scores: Side): Scalar => {
    const all = tf.tensor2d(rows, [images, size]);
    const { probabilities, normaliser } = contrastProbabilities(
      contrastScores(rowProducts(all, contrast, embedding), temperature),
      tf.scalar(scores.normaliser),
      images,
    );
    scores.normaliser = normaliser.dataSync()[0] ?? Number.NaN;
    return contrastLoss(probabilities, images, given.hyperOr(1e-7, 'eps'));
  };
  const move = (own: Side, embedding: Tensor2D): void => {
    const before = tf.gather(tf.tensor2d(own.rows, [images, size]), index) as Tensor2D;
    const moved = movedRows(before, embedding, momentum).dataSync();
    for (const [i, row] of index.dataSync().entries()) {
      own.rows.set(moved.subarray(i * size, (i + 1) * size), row * size);
    }
  };
  return () => {
    const [student, teacher] = [side(first, values[2]), side(second, values[3])];
    const losses = Array.from({ length: calls }, () => {
      const [ours, theirs] = [embedStudent() as Tensor2D, embedTeacher() as Tensor2D];
      const loss = tf.add(against(ours, teacher, student), against(theirs, student, teacher)).asScalar();
      move(student, ours);
      move(teacher, theirs);
      return loss;
    });
    const store = (name: string, buffer: Float32Array) => given.buffers.set(given.names(name)[0] ?? name, buffer);
    store('contrast.memory_v1', student.rows);
    store('contrast.memory_v2', teacher.rows);
    const after = Float32Array.from(values);
    after.set([student.normaliser, teacher.normaliser], 2);
    store('contrast.params', after);
    const components = calls > 1 ? Object.fromEntries(losses.map((loss, i) => [ordinals[i] as string, loss])) : {};
    return { loss: tf.addN(losses).asScalar(), components };
  };
}

const crdth: Runner = (given) => {
  const calls = contrastCalls(given);
  return () => {
    const { loss } = calls();
    const kdth = throughTeacher(given);
    return { loss: tf.add(loss, tf.mul(kdth, given.hyper('th_weight'))).asScalar(), components: { kdth, crd: loss } };
  };
};

/** Like the reference: an additive margin m3 replaces the others, and m1 must be 1. */
function marginOf(given: Given) {
  const { symbol } = given.from.source;
  const gradient = given.exact ? 'exact' : 'straight-through';
  if (/\bCosFace\b/.test(symbol)) return additiveMargin(given.hyper('m', 'margin'));
  if (/\bArcFace\b/.test(symbol)) return angularMargin(given.hyper('m', 'margin'), gradient);
  if (given.hyper('m3') > 0) return additiveMargin(given.hyper('m3'));
  if (given.hyper('m1') === 1) return angularMargin(given.hyper('m2'), gradient);
  throw new Error(`${given.from.id}: the reference has no margin with m1 ${given.hyper('m1')} and m3 0.`);
}

const margins: Runner = (given) => {
  const labels = given.integers('labels', 'target');
  return () => marginOutcome(given, labels);
};

function marginOutcome(given: Given, labels: Tensor1D): Outcome {
  const cosine = cosines(given.rows('emb'), tf.transpose(given.rows('weight')) as Tensor2D);
  const filtered = interclassFiltered(cosine, labels, given.hyperOr(0, 'interclass_filtering_threshold'));
  const logits = marginLogits(filtered, labels, { scale: given.hyper('s', 'scale'), margin: marginOf(given) });
  return { loss: crossEntropy(logits, labels), components: { cosine, logits_after_margin: logits } };
}

export const embeddingRunners: Readonly<Record<string, Runner>> = {
  CC: cc,
  Correlation: cc,
  PKT: pkt,
  RKD: rkd,
  RKDLoss: rkd,
  CRD: contrastCalls,
  CRDLoss: contrastCalls,
  CRDTH: crdth,
  MarginSoftmax: margins,
  CombinedMarginLoss: margins,
  ArcFace: margins,
  CosFace: margins,
};
