import type { UnreadableCount } from '@headshare/core/data/unreadable';
import { UserError } from '@headshare/core/system/user-error';
import type { TrainingRecords } from './training-records';

/** How many identities have no image; undefined if each has one. */
export function emptyIdentities({ source }: Pick<TrainingRecords, 'source'>): string | undefined {
  const empty = source.classes - new Set(source.labels).size;
  return empty > 0 ? `${empty} of ${source.classes} identities have no image.` : undefined;
}

/** Pictures of a record file that are not used, in sentences: damaged records, and those that the index does not name. */
export function lossesOf(records: TrainingRecords): string[] {
  const { lost, lostCount } = records;
  return [
    ...(lostCount > 0 ? [`${lostCount} records cannot be read:`] : []),
    ...lost.map(({ from, until, why }) => `  bytes ${from} to ${until - 1}: ${why}`),
    ...(lostCount > lost.length ? [`  and ${lostCount - lost.length} more`] : []),
    ...unlistedImages(records),
  ];
}

const unlistedImages = ({ file, unlisted }: TrainingRecords): string[] =>
  unlisted > 0
    ? [`${unlisted} images of ${file} are not in its .idx and are not used; without the .idx they are.`]
    : [];

/** The number of damaged records that a training names. */
const mostNamed = 3;

/**
 * What a training says and reports on pictures of a record file that are not used.
 * @param share the largest share of the images, 0 to 1, whose records may be damaged
 * @throws UserError if more are
 */
export function acceptLosses(
  records: TrainingRecords,
  share: number,
): { readonly notes: readonly string[]; readonly lost: readonly UnreadableCount[] } {
  const { source, file, images, lost, lostCount } = records;
  const empty = emptyIdentities(records);
  const notes = [...unlistedImages(records), ...(empty ? [empty] : [])];
  if (lostCount === 0) return { notes, lost: [] };
  const first = lost.slice(0, mostNamed).map(({ from, until, why }) => `bytes ${from} to ${until - 1} (${why})`);
  const of = images + lostCount;
  const which = `${first.join(', ')}${lostCount > first.length ? ` and ${lostCount - first.length} more` : ''}`;
  const many = `${lostCount} of the ${of} records of ${file} cannot be read`;
  if (lostCount > share * of) {
    throw new UserError(
      `${many}, more than --unreadable-share=${share} allows: ${which}. The data command's \`check\` lists them.`,
      1,
    );
  }
  notes.unshift(`${many}: ${which}`);
  return { notes, lost: [{ name: source.name, use: 'record', count: lostCount, of, first }] };
}
