import fc from 'fast-check';
import { nameOf, pathOf, shownName } from './file-name';

test('every name keeps its bytes', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
      const bytes = Buffer.concat(parts);
      const name = nameOf(bytes);
      expect(Buffer.from(pathOf(name) as string)).toEqual(bytes);
      expect(nameOf(Buffer.from(pathOf(name) as string))).toBe(name);
      expect(shownName(name)).toBe(Buffer.from(shownName(name)).toString());
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a name in UTF-8 is itself, and the bytes of another one are shown', () => {
  for (const name of ['cat.jpg', 'café.jpg', '猫', '😀.png', '\ufeffx']) {
    expect(nameOf(Buffer.from(name))).toBe(name);
    expect(pathOf(name)).toBe(name);
    expect(shownName(name)).toBe(name);
  }
  const latin = nameOf(Buffer.from('café.jpg', 'latin1'));
  expect(shownName(latin)).toBe('caf\\xE9.jpg');
  expect(pathOf(latin)).toEqual(Buffer.from('café.jpg', 'latin1'));
});
