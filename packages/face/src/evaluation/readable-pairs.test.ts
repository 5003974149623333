import { readablePairs } from './readable-pairs';
import { verify } from './verification';

const pairs = { left: [0, 1, 2, 3, 4], right: [1, 2, 3, 4, 0], same: [1, 0, 1, 0, 1], folds: 2 };
const embedded = (leftOut: readonly number[]) => ({
  embeddings: Float32Array.of(1, 0, 1, 0.1, 0, 1, 0.1, 1, 1, 0.2),
  dimension: 2,
  leftOut: new Set(leftOut),
});

test('pairs of unreadable images do not count', () => {
  expect(readablePairs(pairs, embedded([]))).toBe(pairs);
  const kept = readablePairs(pairs, embedded([0]), embedded([]));
  expect({ ...kept, left: Array.from(kept.left), right: Array.from(kept.right), same: Array.from(kept.same) }).toEqual({
    left: [1, 2, 3],
    right: [2, 3, 4],
    same: [0, 1, 0],
    folds: 2,
  });
  const { genuine, impostor } = verify({ ...embedded([0]), pairs });
  expect([genuine, impostor]).toEqual([1, 2]);
});

test('too few pairs, and pairs of one kind, are an error', () => {
  expect(() => readablePairs(pairs, embedded([0, 2]))).toThrow(
    'Without images that cannot be read, 1 of 5 pairs of a verification set are left',
  );
});
