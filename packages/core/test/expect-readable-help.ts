import type { Catalog } from '../src/experiment/catalog';
import { helpText } from '../src/experiment/help';
import { profileNames } from '../src/experiment/settings';

/** Expects that each experiment's `--help`, in each profile, fits a terminal and lists every option under a heading. */
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
