import { angularMargins, entriesOf, marginLogits } from '../../runtime/ops/cosine-margin';
import { crossEntropy } from '../../runtime/ops/cross-entropy';
import { type Tensor, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { classificationTerms } from '../classification-terms';
import { defineMethod } from '../method';

/**
 * MarginDistillation: the student learns by ArcFace under the teacher's frozen class centres, with a margin of its own for
 * each image: the nearer the teacher's embedding is to the centre of its class, the wider.
 *
 * margin = (most - least) / max cos + least, times cos before the sum: cos of the teacher's angle, its maximum the batch's
 * (or the micro-batch's). Where that is not positive, which a trained teacher's is, it counts as 1e-3.
 */
export default defineMethod('margin-distillation', {
  aliases: ['margindistillation'],
  summary: "the student trains under the teacher's class centres, with wider margins where the teacher is surer",
  source: 'Svitov and Alyamkin, arXiv 2003.02586; david-svitov/margindistillation, Mmin 0.2, Mmax 0.5',
  needs: ['teacher-head', 'class-centres', 'labels'],
  defaults: { gamma: 1 },
  hyper: { least: 0.2, most: 0.5 },
  weighs: 'alpha',
  studentHead: 'linear',
  classification: (step, settings) => classificationTerms(step, { ...settings, gamma: 0 }),
  terms: ({ student, teacher, columns, cosineScale: scale }, { gamma, hyper: { least, most } }) => {
    if (scale === undefined) {
      throw new UserError(
        'margin-distillation needs a teacher with class centres: one whose head is arcface, cosface or the like.',
      );
    }
    const margins = teacherMargins(tf.div(entriesOf(teacher.logits, columns), scale), least, most);
    const logits = marginLogits(tf.div(student.logits, scale), columns, { scale, margin: angularMargins(margins) });
    return { ce: { weight: gamma, value: crossEntropy(logits, columns) } };
  },
});

/** By the cosines [batch] between the teacher's embeddings and the centres of their classes. */
function teacherMargins(cosines: Tensor, least: number, most: number): Tensor {
  const widest = tf.maximum(tf.max(cosines), 1e-3);
  return tf.add(tf.mul(tf.div(cosines, widest), most - least), least);
}
