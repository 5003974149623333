import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const packages: Readonly<Record<string, Locked>> = JSON.parse(
  readFileSync(join(__dirname, '../../package-lock.json'), 'utf8'),
).packages;

/** The paths where Node looks for `name` from `place`, nearest first. */
function candidates(place: string, name: string): string[] {
  const parts = place === '' ? [] : place.split('/node_modules/');
  const folders = parts.map((_, i) => parts.slice(0, parts.length - i).join('/node_modules/'));
  return [...folders, ''].map((folder) => `${folder === '' ? '' : `${folder}/`}node_modules/${name}`);
}

// npm leaves out packages that its registry lacks, such as binaries for other systems in a mirror; `npm ci` then refuses
// the whole file, on every system.
test('package-lock.json has every optional dependency, also those for other operating systems', () => {
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !candidates(place, name).some((path) => path in packages)),
  );
  expect(missing).toEqual([]);
});
