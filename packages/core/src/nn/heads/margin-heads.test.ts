import { State } from '../../runtime/state';
import { type Tensor2D, tf } from '../../runtime/tensorflow';
import { heads } from '../registry';
import { Scope } from '../scope';

const embedding = tf.tensor2d([[3, 4]]);
const labels = tf.tensor1d([0], 'int32');

/** A head over the two class centres (1, 0) and (0, 2): the cosines of `embedding` are 0.6 and 0.8. */
function headNamed(name: string, options: { scale?: number; margin?: number } = {}) {
  const state = new State();
  const head = heads.named(name).build(Scope.root(state, 'net', 1), { inputs: 2, classes: 2, ...options });
  state.get('net/weight')?.variable.assign(tf.tensor2d([1, 0, 0, 2], [2, 2]));
  return head;
}
const values = (logits: Tensor2D) => Array.from(logits.dataSync(), (value) => Number(value.toFixed(3)));

test.each(['arcface', 'arcface-exact', 'cosface'])('%s predicts with scaled cosines', (name) => {
  expect(values(headNamed(name).logits(embedding))).toEqual([38.4, 51.2]);
  expect(values(headNamed(name, { scale: 10 }).logits(embedding))).toEqual([6, 8]);
});

test('ArcFace adds its margin to the angle of the own class', () => {
  const moved = (margin: number) => Number((64 * Math.cos(Math.acos(0.6) + margin)).toFixed(3));
  expect(values(headNamed('arcface').trainingLogits(embedding, labels))).toEqual([moved(0.5), 51.2]);
  expect(values(headNamed('arcface-exact', { margin: 0.2 }).trainingLogits(embedding, labels))).toEqual([
    moved(0.2),
    51.2,
  ]);
});

test('CosFace subtracts its margin from the cosine of the own class', () => {
  expect(values(headNamed('cosface').trainingLogits(embedding, labels))).toEqual([12.8, 51.2]);
  expect(values(headNamed('cosface', { scale: 10, margin: 0.1 }).trainingLogits(embedding, labels))).toEqual([5, 8]);
});
