import type { Catalog } from '../src/experiment/catalog';
import { helpText } from '../src/experiment/help';
import { profileNames } from '../src/experiment/settings';

/** Expects of each profile's `--help` of each experiment: lines fit a terminal, and each option has a heading. */
export function expectReadableHelp(catalog: Catalog): void {
  expect(catalog.broken).toEqual(new Map());
  for (const [name, experiment] of catalog.experiments) {
    for (const profile of profileNames(experiment)) {
      const lines = helpText(experiment, catalog, profile).split('\n');
      const title = `${name}:${profile}`;
      expect([title, lines.filter((line) => line.length > 120)]).toEqual([title, []]);
      expect([title, lines.filter((line) => line === 'Options' || line.includes('[]'))]).toEqual([title, []]);
    }
  }
}
