import { angularMargins, entriesOf, marginLogits } from '../../runtime/ops/cosine-margin';
import { crossEntropy } from '../../runtime/ops/cross-entropy';
import { type Tensor, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { classificationTerms } from '../classification-terms';
import { defineMethod } from '../method';

/**
 * MarginDistillation: the student learns by ArcFace under the teacher's frozen class centres. Each image has its own
 * margin, wider the nearer the teacher's embedding is to the centre of its class:
 *
 * margin = (mMax - mMin) cos / max cos + mMin, with the cosines between the teacher's embeddings and their centres, and
 * their maximum over the micro-batch. A maximum below 1e-3, which no trained teacher has, counts as 1e-3.
 */
export default defineMethod('margin-distillation', {
  aliases: ['margindistillation'],
  summary: "the student trains under the teacher's class centres, with wider margins where the teacher is surer",
  source: 'Svitov and Alyamkin, arXiv 2003.02586; david-svitov/margindistillation, Mmin 0.2, Mmax 0.5',
  needs: ['teacher-head', 'class-centres', 'labels', 'logits'],
  defaults: { gamma: 1 },
  hyper: { mMin: 0.2, mMax: 0.5 },
  hyperRanges: { mMin: { max: 1 }, mMax: { max: 1 } },
  hyperAliases: { least: 'mMin', most: 'mMax' },
  weighs: 'alpha',
  studentHead: 'linear',
  classification: (step, settings) => classificationTerms(step, { ...settings, gamma: 0 }),
  terms: ({ student, teacher, columns, cosineScale: scale }, { gamma, hyper: { mMin, mMax } }) => {
    if (scale === undefined) {
      throw new UserError(
        'margin-distillation needs a teacher with class centres: one whose head is arcface, cosface or the like.',
      );
    }
    const margins = teacherMargins(tf.div(entriesOf(teacher.logits, columns), scale), mMin, mMax);
    const logits = marginLogits(tf.div(student.logits, scale), columns, { scale, margin: angularMargins(margins) });
    return { ce: { weight: gamma, value: crossEntropy(logits, columns) } };
  },
});

/** @param cosines [batch] between the teacher's embeddings and the centres of their classes */
function teacherMargins(cosines: Tensor, mMin: number, mMax: number): Tensor {
  const widest = tf.maximum(tf.max(cosines), 1e-3);
  return tf.add(tf.mul(tf.div(cosines, widest), mMax - mMin), mMin);
}
