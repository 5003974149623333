import { similarityLoss } from '../losses/similarity';
import { defineMethod } from '../method';

/** SP: images whose last maps are alike for the teacher are so for the student. */
export default defineMethod('sp', {
  aliases: ['similarity'],
  summary: 'similarities between the images of a batch, by the last map',
  source: 'Tung and Mori, arXiv 1907.09682; RepDistiller SP.py, -a 0 -b 3000',
  needs: ['features'],
  defaults: { beta: 3000 },
  terms: ({ student, teacher }, { beta }) => {
    const [ours, theirs] = [student.features.at(-1), teacher.features.at(-1)];
    if (!ours || !theirs) throw new Error('sp needs the features.');
    return { sp: { weight: beta, value: similarityLoss(ours, theirs) } };
  },
});
