import { rocCurve } from './evaluation/roc';
import { meanCurve } from './roc-by-row';

test('curves are averaged at equal false accept rates, whatever the scale of their scores', () => {
  const same = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const impostors = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  // Both genuine pairs above all impostors, and one above and one below all.
  const perfect = rocCurve([12, 11, ...impostors], same);
  const half = rocCurve([0.12, 0.001, ...impostors.map((score) => score / 100)], same);
  const { impostor, ...curve } = meanCurve([perfect, half]);
  const [far, tar] = [Array.from(curve.far), Array.from(curve.tar)];
  expect([impostor, far[0], far.at(-1)]).toEqual([10, 0.1, 1]);
  expect(tar[0]).toBe(0.75);
  expect(tar.at(-1)).toBe(1);
  expect(meanCurve([half]).tar[0]).toBe(0.5);
});
