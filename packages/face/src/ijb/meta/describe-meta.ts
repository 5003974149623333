import type { IjbMeta } from './meta-files';
import { publishedCounts, type SetName, setTitles } from './sets';

/** What there is to say of a set before it is used. */
export function describeMeta({ counts, oddities }: IjbMeta, set: SetName, log: (line: string) => void): void {
  const { images, templates, pairs, same } = counts;
  log(`${setTitles[set]}: ${images} images, ${templates} templates, ${pairs} pairs, ${same} of them of one person`);
  const published = publishedCounts[set];
  const other = (['images', 'templates', 'pairs', 'same'] as const).filter((name) => counts[name] !== published[name]);
  if (other.length > 0) {
    log(`Not the published set, which has ${other.map((name) => `${published[name]} ${name}`).join(', ')}`);
  }
  if (oddities.otherNames > 0)
    log(`${oddities.otherNames} lines name other images in the two files, which are joined by line`);
  if (oddities.repeated > 0)
    log(`${oddities.repeated} images stand more than once in their template, and count as often`);
}
