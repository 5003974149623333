/** Runs cases of losses of feature maps and of their learned modules. */

import { activationBoundaryLosses } from '../../src/distill/losses/activation-boundary';
import { attentionLoss } from '../../src/distill/losses/attention';
import { matchSizes, meanSquaredDifference } from '../../src/distill/losses/differences';
import { factorLoss } from '../../src/distill/losses/factor-transfer';
import { neuronSelectivityLoss } from '../../src/distill/losses/neuron-selectivity';
import { similarityLoss } from '../../src/distill/losses/similarity';
import { singularVectorLosses, teacherVectors } from '../../src/distill/losses/singular-vectors';
import { solutionFlowLosses } from '../../src/distill/losses/solution-flow';
import { variationalLoss } from '../../src/distill/losses/variational';
import { connector } from '../../src/distill/modules/connector';
import { convolutionalRegressor } from '../../src/distill/modules/convolutional-regressor';
import { paraphraser, translator } from '../../src/distill/modules/factor';
import { variationalRegressor } from '../../src/distill/modules/variational-regressor';
import { bottleneck } from '../../src/nn/bottleneck';
import { featureShape } from '../../src/nn/network-shape';
import { type Scalar, type Tensor, type Tensor3D, type Tensor4D, tf } from '../../src/runtime/tensorflow';
import { embedded, onlyEmbedding } from './embedded';
import type { Given, Outcome, Runner } from './given';

function summed(terms: readonly Scalar[], more: Readonly<Record<string, Tensor>> = {}): Outcome {
  return {
    loss: tf.addN([...terms]).asScalar(),
    components: { ...Object.fromEntries(terms.map((term, i) => [`term${i}`, term])), ...more },
  };
}

/** The feature maps f_s and f_t if the case has them, else s0, s1, ... and t0, t1, ... */
const pairs = (given: Given): [Tensor4D[], Tensor4D[]] =>
  given.has('f_s') ? [[given.map('f_s')], [given.map('f_t')]] : [given.features('s'), given.features('t')];

const perMap =
  (loss: (student: Tensor4D, teacher: Tensor4D, given: Given) => Scalar): Runner =>
  (given) =>
  () => {
    const [ours, theirs] = pairs(given);
    return summed(ours.map((map, i) => loss(map, theirs[i] as Tensor4D, given)));
  };

const hint: Runner = (given) => {
  if (given.names('conv.weight').length === 0) {
    const embed = embedded(given, 'f_s', onlyEmbedding(given) ?? 'embed_s');
    const teacherEmbedding = embedded(given, 'f_t', 'embed_t');
    return () => {
      const regressed = embed();
      return { loss: meanSquaredDifference(regressed, teacherEmbedding()), components: { regressed } };
    };
  }
  const [student, teacher] = [given.map('f_s'), given.map('f_t')];
  const relu = given.from.hyper.use_relu !== false;
  const regress = given.module('', (scope) =>
    convolutionalRegressor(scope, featureShape(student), featureShape(teacher), { relu }),
  );
  return () => {
    const regressed = regress(student, given.mode);
    return { loss: meanSquaredDifference(regressed, teacher), components: { regressed } };
  };
};

const ab: Runner = (given) => {
  const [students, teachers] = [given.features('s'), given.features('t')];
  const learned = Object.keys(given.from.params ?? {}).length > 0;
  const connect = learned
    ? given.module('', (scope) => connector(scope, students.map(featureShape), teachers.map(featureShape)))
    : undefined;
  return () =>
    summed(
      activationBoundaryLosses(connect ? connect(students, given.mode) : students, teachers, given.hyper('margin')),
    );
};

const ft: Runner = (given) => {
  const [student, teacher] = [given.map('f_s'), given.map('f_t')];
  const powers = { p1: given.hyperOr(2, 'p1'), p2: given.hyperOr(1, 'p2') };
  if (given.names('translator.encoder.0.weight').length === 0) {
    return () => ({ loss: factorLoss(student, teacher, powers) });
  }
  const { translator_use_bn: ours = true, paraphraser_use_bn: theirs = false } = given.from.hyper;
  const share = given.hyper('k');
  const translate = given.module('translator', (scope) =>
    translator(scope, featureShape(student), featureShape(teacher), { share, norms: ours === true }),
  );
  const { encode } = given.module('paraphraser', (scope) =>
    paraphraser(scope, featureShape(teacher), { share, norms: theirs === true }),
  );
  return () => {
    const components = { factor_s: translate(student, given.mode), factor_t: encode(teacher, given.mode) };
    return { loss: factorLoss(components.factor_s, components.factor_t, powers), components };
  };
};

const ftReconstruction: Runner = (given) => {
  const teacher = given.map('f_t');
  const norms = given.hyperOr(0, 'use_bn', 'paraphraser_use_bn') === 1;
  const { encode, decode } = given.module('', (scope) =>
    paraphraser(scope, featureShape(teacher), { share: given.hyper('k'), norms }),
  );
  return () => {
    const factor = encode(teacher, given.mode);
    const reconstruction = decode(factor, given.mode);
    return { loss: meanSquaredDifference(reconstruction, teacher), components: { factor, reconstruction } };
  };
};

const vid: Runner = (given) => {
  const [students, teachers] = pairs(given);
  const epsilon = given.hyperOr(1e-5, 'eps');
  const prefixes = given.names('log_scale').map((name) => name.replace(/\.?log_scale$/, ''));
  const regressions = students.map((student, i) => {
    const prefix = prefixes[i] ?? '';
    const [between = 1, inputs = 1] = given.shape(`${prefix === '' ? '' : `${prefix}.`}regressor.0.weight`);
    const teacher = teachers[i] as Tensor4D;
    const regressor = given.module(prefix, (scope) =>
      variationalRegressor(scope, { inputs, outputs: teacher.shape[3], between }),
    );
    return { student, teacher, regressor };
  });
  return () => {
    const results = regressions.map(({ student, teacher, regressor }) => {
      const [ours, theirs] = matchSizes(student, teacher);
      const mean = regressor.mean(ours);
      return { mean, loss: variationalLoss(mean, theirs, regressor.logScale, epsilon) };
    });
    const means = results.map(({ mean }, i) => [results.length === 1 ? 'pred_mean' : `pred_mean${i}`, mean]);
    return summed(
      results.map(({ loss }) => loss),
      Object.fromEntries(means),
    );
  };
};

const kdsvd: Runner = (given) => () => {
  const [students, teachers] = [given.features('s'), given.features('t')];
  const count = given.hyper('k');
  const names = teachers.map((_, i) => `teacher_v${i}`);
  const signs = names.map((name) => {
    const values = given.from.expected.components?.[name];
    if (values === undefined || typeof values === 'number') throw new Error(`${given.from.id} has no ${name}.`);
    return tf.tensor3d([...values.data], values.shape as [number, number, number]);
  });
  const vectors = teachers.map((map, i) => teacherVectors(map, count, signs[i] as Tensor3D));
  const terms = singularVectorLosses(students, teachers, { count, signs });
  return summed(terms, Object.fromEntries(names.map((name, i) => [name, vectors[i] as Tensor])));
};

const simkd: Runner = (given) => {
  const [student, teacher] = [given.map('f_s'), given.map('f_t')];
  const shape = {
    inputs: student.shape[3],
    outputs: teacher.shape[3],
    size: [teacher.shape[1], teacher.shape[2]],
    factor: given.hyperOr(2, 'factor'),
  } as const;
  const project = given.module(given.names('simkd.transfer.0.weight').length > 0 ? 'simkd' : '', (scope) =>
    bottleneck(scope, shape),
  );
  const classifier = given.names('cls_t.weight').length > 0 && {
    weight: given.weight('cls_t.weight'),
    bias: given.weight('cls_t.bias'),
  };
  return () => {
    const [, target] = matchSizes(student, teacher);
    const projected = project(student, given.mode);
    const components = { projected, target };
    const loss = meanSquaredDifference(projected, target);
    if (!classifier) return { loss, components };
    const pooled = tf.mean(projected, [1, 2]);
    const logits = tf.add(tf.matMul(pooled, classifier.weight, false, true), classifier.bias);
    return { loss, components: { ...components, logits } };
  };
};

const fsp: Runner = (given) => () => summed(solutionFlowLosses(given.features('s'), given.features('t')));
const at = perMap((student, teacher, given) => attentionLoss(student, teacher, given.hyperOr(2, 'p')));
const sp = perMap(similarityLoss);
const nst = perMap(neuronSelectivityLoss);

export const mapRunners: Readonly<Record<string, Runner>> = {
  FitNet: hint,
  HintLoss: hint,
  MSELoss: hint,
  AT: at,
  Attention: at,
  SP: sp,
  Similarity: sp,
  NST: nst,
  NSTLoss: nst,
  FSP: fsp,
  AB: ab,
  ABLoss: ab,
  FT: ft,
  FactorTransfer: ft,
  'FT stage-1 reconstruction': ftReconstruction,
  VID: vid,
  VIDLoss: vid,
  KDSVD: kdsvd,
  SimKD: simkd,
};
