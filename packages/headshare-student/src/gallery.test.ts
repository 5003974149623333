import { createGallery, searchGallery } from './gallery';
import { similarity, unit } from './similarity';

test('similarity is the cosine, whatever the lengths', () => {
  expect(similarity([3, 4], [6, 8])).toBe(1);
  expect(similarity([1, 0], [0, 5])).toBe(0);
  expect(similarity([1, 0], [-2, 0])).toBe(-1);
});

test('unit: length 1', () => {
  expect([...unit([3, 4])]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
});

test.each([
  [() => similarity([1], [1, 2]), 'Embeddings of 1 and 2 numbers do not compare'],
  [() => similarity([0, 0], [1, 2]), 'has no direction'],
  [() => unit([Number.NaN]), 'has no direction'],
  [() => createGallery(['Ada'], []), 'A gallery of 1 names and 0 embeddings'],
  [() => createGallery(['Ada', 'Bo'], [[1, 0], [1]]), 'Bo has an embedding of 1 numbers, Ada of 2'],
  [() => searchGallery(createGallery(['Ada'], [[1, 0]]), [1]), 'embeddings of 2 numbers, the picture one of 1'],
])('%#: refused', (call, message) => expect(call).toThrow(message));

test('a search gives the most similar people first, equal ones in the order of the gallery', () => {
  const gallery = createGallery(
    ['east', 'north', 'also east', 'west'],
    [
      [2, 0],
      [0, 1],
      [1, 0],
      [-1, 0],
    ],
  );
  expect(searchGallery(gallery, [5, 0], 3)).toEqual([
    { name: 'east', index: 0, similarity: 1 },
    { name: 'also east', index: 2, similarity: 1 },
    { name: 'north', index: 1, similarity: 0 },
  ]);
});
