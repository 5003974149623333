import { similarityLoss } from '../losses/similarity';
import { defineMethod } from '../method';

/** SP: images have similar last feature maps in the student if they do in the teacher. */
export default defineMethod('sp', {
  aliases: ['similarity'],
  summary: 'similarities between the images of a batch, by the last feature map',
  source: 'Tung and Mori, arXiv 1907.09682; RepDistiller SP.py, -a 0 -b 3000',
  needs: ['features'],
  defaults: { beta: 3000 },
  terms: ({ student, teacher }, { beta }) => {
    const [ours, theirs] = [student.features.at(-1), teacher.features.at(-1)];
    if (!ours || !theirs) throw new Error('sp needs the features.');
    return { sp: { weight: beta, value: similarityLoss(ours, theirs) } };
  },
});
