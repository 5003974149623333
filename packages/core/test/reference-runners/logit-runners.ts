/** Runs cases of losses of logits and embeddings, also throughHead the teacher's head. */

import { decoupledTerms } from '../../src/distill/losses/decoupled';
import { embeddingDistance, probabilityDistance } from '../../src/distill/losses/differences';
import { distLoss, distTerms } from '../../src/distill/losses/dist';
import { crossEntropy, distillationDivergence } from '../../src/runtime/ops/cross-entropy';
import { type Scalar, type Tensor, type Tensor2D, tf } from '../../src/runtime/tensorflow';
import type { Given, Runner } from './given';

const sum = (...weighted: [number, Tensor][]): Scalar =>
  tf.addN(weighted.map(([weight, value]) => tf.mul(value, weight))).asScalar();

const temperatureOf = (given: Given): number => given.hyper('T', 'temperature', 'tau');

const kd: Runner = (given) => () => ({
  loss: distillationDivergence(given.rows('y_s'), given.rows('y_t'), temperatureOf(given)),
});

const kdmse: Runner = (given) => () => ({ loss: probabilityDistance(given.rows('y_s'), given.rows('y_t')) });

const dkd: Runner = (given) => {
  const labels = given.integers('target', 'labels', 'label');
  return () => {
    const { target, others } = decoupledTerms(given.rows('y_s'), given.rows('y_t'), labels, temperatureOf(given));
    return {
      loss: sum([given.hyper('alpha'), target], [given.hyper('beta'), others]),
      components: { tckd: target, nckd: others, tckd_loss: target, nckd_loss: others },
    };
  };
};

const dist: Runner = (given) => () => {
  const [ours, theirs] = [given.rows('y_s'), given.rows('y_t')];
  const [beta, gamma] = [given.hyper('beta'), given.hyper('gamma')];
  const options = { temperature: temperatureOf(given), epsilon: given.hyperOr(1e-8, 'eps') };
  const { inter, intra } = distTerms(ours, theirs, options);
  return {
    loss: distLoss(ours, theirs, { beta, gamma, ...options }),
    components: { inter_unweighted: inter, intra_unweighted: intra },
  };
};

/** KL divergence of the teacher's logits from its head's logits for the student's embedding. */
export const throughTeacher = (given: Given): Scalar =>
  distillationDivergence(given.rows('y_s_th'), given.rows('y_t'), temperatureOf(given));

const kdth: Runner = (given) => () => ({ loss: throughTeacher(given) });

const kde: Runner = (given) => () => ({ loss: embeddingDistance(given.rows('f_s'), given.rows('f_t')) });

const kdeth: Runner = (given) => () => {
  const components = {
    kde: embeddingDistance(given.rows('f_s'), given.rows('f_t')),
    kdth: throughTeacher(given),
  };
  return { loss: sum([1, components.kde], [given.hyper('th_weight'), components.kdth]), components };
};

/** The training script's objective with KDETH, KDTH or KDE as its third term. */
const objective: Runner = (given) => {
  const head = (name: string) => {
    const [weight, bias] = [given.weight(`${name}.weight`), given.weight(`${name}.bias`)];
    return (z: Tensor2D) => tf.add(tf.matMul(z, weight as Tensor as Tensor2D, false, true), bias) as Tensor2D;
  };
  const [own, teacher] = [head('fc'), head('t_head')];
  const [gamma, alpha, beta] = [given.hyper('gamma'), given.hyper('alpha'), given.hyper('beta')];
  const labels = given.integers('target', 'labels', 'label');
  const delta = beta === 0 ? 0 : given.hyperOr(0, 'delta');
  return () => {
    const [ours, theirs] = [given.rows('f_s'), given.rows('f_t')];
    const [logits, throughHead, teacherLogits] = [own(ours), teacher(ours), teacher(theirs)];
    const temperature = temperatureOf(given);
    const ce = crossEntropy(logits, labels);
    const kl = distillationDivergence(logits, teacherLogits, temperature);
    const distance = embeddingDistance(ours, theirs);
    const divergence = distillationDivergence(throughHead, teacherLogits, temperature);
    const { symbol } = given.from.source;
    const third: [number, Tensor][] = /\bKDETH\b/.test(symbol)
      ? [
          [beta, distance],
          [delta, divergence],
        ]
      : [[beta, /\bKDTH\b/.test(symbol) ? divergence : distance]];
    const share = given.hyperOr(0, 'validation_th_weight');
    const mixture = tf.add(tf.mul(tf.softmax(logits), 1 - share), tf.mul(tf.softmax(throughHead), share));
    return {
      loss: sum([gamma, ce], [alpha, kl], ...third),
      components: {
        ce,
        kl,
        kde: distance,
        kdth: divergence,
        logits_s: logits,
        logits_s_th: throughHead,
        logits_t: teacherLogits,
        eval_mixture_prob: mixture,
      },
    };
  };
};

export const logitRunners: Readonly<Record<string, Runner>> = {
  KD: kd,
  DistillKL: kd,
  KDMSE: kdmse,
  DistillMSE: kdmse,
  DKD: dkd,
  dkd_loss: dkd,
  DIST: dist,
  DISTLoss: dist,
  KDTH: kdth,
  KDE: kde,
  KDETH: kdeth,
  'TH-KD objective': objective,
};
