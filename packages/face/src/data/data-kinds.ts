/** What `nx run face:data` knows. */
import { join } from 'node:path';
import { writeClassFolders } from '@headshare/core/data/example/class-folders';
import { isFolder } from '@headshare/core/data/sources/class-folders';
import type { DataKind, OpenedData } from '@headshare/core/data-check/data-kind';
import { UserError } from '@headshare/core/system/user-error';
import { alignedCrops } from '../ijb/crops/aligned-crops';
import { describeMeta, readIjbMeta } from '../ijb/meta/meta-files';
import { ijbListsIn, ijbPaths, setTitles } from '../ijb/meta/sets';
import { writeFacesExample } from './example/example-faces';
import { writeIjbExample } from './example/example-ijb';
import { openFaceFolders } from './face-folders';
import { openRecordsVisibly } from './training-faces';
import { publishedPairs, publishedSets, publishedSetsPage } from './training-records/published-sets';
import { findRecords, type TrainingRecords } from './training-records/training-records';
import { hasVerificationSets, openVerificationSets } from './verification-sets/find-sets';
import { countPairs } from './verification-sets/verification-set';

const ijbLayout = 'IJBC/meta/ijbc_*.txt and IJBC/loose_crop/*.jpg, or IJBB (if networks are to be measured on them)';

/** A training set in RecordIO, and the verification sets beside it. */
export const recordsKind: DataKind = {
  name: 'ms1m',
  title: 'Faces in RecordIO (MS1M, Glint360K ...)',
  page: publishedSetsPage,
  layout: [
    'train.rec, train.idx, property (a training set)',
    'lfw.bin, cfp_fp.bin, agedb_30.bin ... (verification sets, which come with it)',
    ijbLayout,
  ],
  matches: (folder) => findRecords(folder) !== undefined,
  open: async (folder, { cacheFolder }) => {
    const records = await openRecordsVisibly(folder, { cacheFolder });
    const sets = await verificationIn(folder);
    return {
      train: records.source,
      others: sets.others,
      remarks: [...remarksOn(records), ...sets.remarks],
      faults: [...faultsOf(records), ...(sets.others.length === 0 ? [noSets] : []), ...sets.faults],
    };
  },
  example: async (folder) => {
    await writeFacesExample(folder);
    await writeIjbExample(folder);
  },
};

const noSets =
  'There are no verification sets (lfw.bin ...) in the folder: training needs them here, or in --verification.';

/** Verification sets alone. */
export const verificationKind: DataKind = {
  name: 'verification',
  title: 'Verification sets',
  page: publishedSetsPage,
  layout: [
    'lfw.bin, cfp_fp.bin, agedb_30.bin ...',
    "or pairs.txt beside LFW's folders lfw/<name>/<name>_0001.jpg",
    ijbLayout,
  ],
  matches: (folder) => hasVerificationSets(folder) || ijbListsIn(folder).length > 0,
  open: async (folder) => {
    const found = await verificationIn(folder);
    if (found.remarks.length === 0) throw new UserError(`${folder} has no verification sets.`, 1);
    return found;
  },
  example: (folder) => writeFacesExample(folder),
};

/** One's own faces. */
export const faceFolderKind: DataKind = {
  name: 'folder',
  title: 'Faces in folders by identity',
  layout: [
    'train/<identity>/*.jpg (or <identity>/*.jpg alone), aligned to 112 x 112',
    'lfw.bin ... (verification sets)',
  ],
  matches: isFolder,
  open: async (folder, options) => ({
    train: await openFaceFolders(folder, options),
    ...(await verificationIn(folder)),
  }),
  example: async (folder) => {
    await writeClassFolders(folder, {
      classNames: ['ann', 'bo', 'cy'],
      path: (name, i) => `train/${name}/${i}.jpg`,
    });
  },
};

async function verificationIn(folder: string): Promise<Required<Pick<OpenedData, 'others' | 'remarks' | 'faults'>>> {
  const sets = hasVerificationSets(folder) ? await openVerificationSets(folder) : [];
  const ijb = await ijbIn(folder);
  return {
    others: sets.map(({ images }) => images),
    remarks: [
      ...sets.map(({ name, pairs }) => {
        const { pairs: count, same } = countPairs(pairs);
        const published = publishedPairs.get(name);
        const other = published === undefined || published === count ? '' : ` (as published: ${published} pairs)`;
        return `${name}: ${count} pairs in ${pairs.folds} folds, ${same} of the same person${other}.`;
      }),
      ...ijb.remarks,
    ],
    faults: ijb.faults,
  };
}

/** IJB-B and IJB-C: their lists are read, and their pictures looked for. */
async function ijbIn(folder: string): Promise<{ remarks: string[]; faults: string[] }> {
  const [remarks, faults]: [string[], string[]] = [[], []];
  for (const set of ijbListsIn(folder)) {
    const places = ijbPaths(folder, set);
    const meta = await readIjbMeta(places);
    describeMeta(meta, set, (line) => remarks.push(`${line}.`));
    const crops = { ...meta.images, name: setTitles[set], folder: places.crops, onUnreadable: 'black' } as const;
    const { unreadable, close } = await alignedCrops(crops);
    await close();
    const [first] = unreadable;
    if (!first) continue;
    const [index, reason] = first;
    faults.push(
      `${unreadable.size} of ${meta.counts.images} images of ${setTitles[set]} cannot be used: ${join(places.crops, meta.images.names[index] ?? '')}: ${reason} ...`,
    );
  }
  return { remarks, faults };
}

function remarksOn({ source, size, indexMade }: TrainingRecords): string[] {
  const { classes, labels } = source;
  const published = publishedSets.find((set) => set.identities === classes && set.images === labels.length);
  const alike = publishedSets.filter((set) => set.identities === classes || set.images === labels.length);
  return [
    `${classes} identities, ${labels.length} images of ${size} x ${size}${published ? `: those of ${published.title}` : ''}.`,
    ...alike
      .filter((set) => set !== published)
      .map(
        ({ title, identities, images }) => `${title} as published has ${identities} identities and ${images} images.`,
      ),
    ...(indexMade ? ['There is no .idx: the records were read through instead, and what was found is kept.'] : []),
  ];
}

function faultsOf({ source, property, lost, lostCount }: TrainingRecords): string[] {
  const seen = new Uint8Array(source.classes);
  for (const label of source.labels) seen[label] = 1;
  const empty = seen.reduce((count, it) => count + (it === 0 ? 1 : 0), 0);
  return [
    ...(property ? [] : ['There is no file property (<identities>,112,112): identities were counted.']),
    ...(empty > 0 ? [`${empty} of ${source.classes} identities have no image.`] : []),
    ...(lostCount > 0 ? [`${lostCount} records cannot be read:`] : []),
    ...lost.map(({ from, until, why }) => `  bytes ${from} to ${until - 1}: ${why}`),
    ...(lostCount > lost.length ? [`  and ${lostCount - lost.length} more`] : []),
  ];
}
