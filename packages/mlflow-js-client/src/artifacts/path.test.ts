import { join, sep } from 'node:path';
import fc from 'fast-check';
import { checkArtifactPath, placeIn } from './path';

test.each(['a', 'a/b.txt', 'a b/é.bin', '..a/b..', '.hidden'])('"%s" is a path', (path) => {
  expect(checkArtifactPath(path)).toBe(path);
  expect(placeIn('/data', path)).toBe(join('/data', path));
});

test.each(['', '/etc/passwd', '../a', 'a/../../b', 'a//b', 'a/', './a', 'a\\..\\b', 'C:/a', 'a\0b'])(
  '"%s" is refused',
  (path) => {
    expect(() => placeIn('/data', path)).toThrow(expect.objectContaining({ code: 'UNSAFE_PATH', kind: 'not-sent' }));
  },
);

test('any name is inside the folder or refused', () => {
  const part = fc.oneof(fc.constantFrom('..', '.', '/', '\\', 'C:', '\0', ''), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      let place: string;
      try {
        place = placeIn('/data/run', parts.join('/'));
      } catch {
        return;
      }
      expect(place.startsWith(`${sep}data${sep}run${sep}`)).toBe(true);
    }),
  );
});
