import type { TrainingRecords } from './training-records';

/** How many identities have no image; undefined if each has one. */
export function emptyIdentities({ source }: Pick<TrainingRecords, 'source'>): string | undefined {
  const empty = source.classes - new Set(source.labels).size;
  return empty > 0 ? `${empty} of ${source.classes} identities have no image.` : undefined;
}

/** Pictures of a record file that are not used, in sentences: damaged records, and those that the index does not name. */
export function lossesOf(
  { file, lost, lostCount, unlisted }: Pick<TrainingRecords, 'file' | 'lost' | 'lostCount' | 'unlisted'>,
  mostNamed = Number.POSITIVE_INFINITY,
): string[] {
  const named = lost.slice(0, mostNamed);
  return [
    ...(lostCount > 0 ? [`${lostCount} records cannot be read:`] : []),
    ...named.map(({ from, until, why }) => `  bytes ${from} to ${until - 1}: ${why}`),
    ...(lostCount > named.length ? [`  and ${lostCount - named.length} more`] : []),
    ...(unlisted > 0
      ? [`${unlisted} images of ${file} are not in its .idx and are not used; without the .idx they are.`]
      : []),
  ];
}
