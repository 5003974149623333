import { difference } from './same-run';
import type { RunIdentity } from './store';

const run: RunIdentity = {
  experiment: 'distill',
  options: { distill: { epochs: 2, method: 'kd' }, teacher: { epochs: 2 } },
  data: 'd1',
  sources: 's1',
  device: 'cpu',
  files: { '/weights.pth': 'w1' },
};

it('finds no difference between equal runs', () => {
  expect(difference(run, structuredClone(run))).toBeUndefined();
});

it.each<[Partial<RunIdentity>, string]>([
  [{ experiment: 'teacher' }, 'teacher here, distill there'],
  [{ options: { ...run.options, distill: { epochs: 3, method: 'kd' } } }, '--epochs is 3 here, 2 there'],
  [{ options: { ...run.options, distill: { epochs: 2 } } }, '--method is not given here, "kd" there'],
  [{ files: { '/weights.pth': 'w2' } }, '/weights.pth has other contents'],
  [{ device: 'gpu' }, 'TF_DEVICE is gpu here, cpu there'],
  [{ data: 'd2' }, "the package's data differ; --verify-data compares their contents instead of times"],
  [{ sources: 's2' }, 'the sources differ: check out the same commit everywhere'],
])('names what differs: %j', (changed, text) => {
  expect(difference({ ...run, ...changed }, run)).toBe(text);
});
