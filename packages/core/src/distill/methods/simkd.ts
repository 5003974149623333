import { adaptiveAveragePool2d } from '../../runtime/ops/pooling';
import { meanOfAll } from '../../runtime/ops/sum-of-all';
import { tf } from '../../runtime/tensorflow';
import { defineMethod } from '../method';

/**
 * SimKD: the student is its backbone, a bottleneck of convolutions that imitates the teacher's last feature map, and the
 * teacher's frozen classifier. The loss is the mean squared error of the two maps, and nothing else.
 */
export default defineMethod('simkd', {
  summary: "the teacher's classifier, on a map that imitates the teacher's last one",
  source: 'Chen et al., arXiv 2203.14001; SimKD models/util.py and helper/loops.py',
  needs: ['features', 'teacher-head'],
  defaults: { gamma: 0, alpha: 0, beta: 1 },
  studentHead: 'bottleneck',
  terms({ student: { transferred }, teacher: { features } }, { beta }) {
    const target = features.at(-1);
    if (!transferred || !target)
      throw new Error("simkd needs a student with a bottleneck, and the teacher's feature maps.");
    const [, height, width] = transferred.shape;
    const pooled = adaptiveAveragePool2d(target, [height, width]);
    return { simkd: { weight: beta, value: meanOfAll(tf.squaredDifference(transferred, pooled)) } };
  },
});
