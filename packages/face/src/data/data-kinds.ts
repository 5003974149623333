/** The kinds of data that `nx run face:data` checks and makes examples of. */
import { join } from 'node:path';
import { writeClassFolders } from '@headshare/core/data/example/class-folders';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import type { DataKind, OpenedData } from '@headshare/core/data-check/data-kind';
import { isFolder } from '@headshare/core/system/archive';
import { sizeWords } from '@headshare/core/system/image-size';
import { UserError } from '@headshare/core/system/user-error';
import { alignedCrops } from '../ijb/crops/aligned-crops';
import { describeMeta, readIjbMeta } from '../ijb/meta/meta-files';
import { ijbListsIn, ijbPaths, setTitles } from '../ijb/meta/sets';
import { writeFacesExample } from './example/example-faces';
import { writeIjbExample } from './example/example-ijb';
import { openFaceFolders } from './face-folders';
import { publishedPairs, publishedSets, publishedSetsPage } from './training-records/published-sets';
import { emptyIdentities, lossesOf } from './training-records/record-losses';
import { findRecords, openTrainingRecords, type TrainingRecords } from './training-records/training-records';
import { hasVerificationSets, openVerificationSets } from './verification-sets/find-sets';
import { countPairs } from './verification-sets/verification-set';

const ijbLayout = 'IJBC/meta/ijbc_*.txt and IJBC/loose_crop/*.jpg, or IJBB (optional benchmarks)';

/** A training set in RecordIO with its verification sets. */
export const recordsKind: DataKind = {
  name: 'ms1m',
  title: 'Faces in RecordIO (MS1M, Glint360K ...)',
  page: publishedSetsPage,
  layout: [
    'train.rec, train.idx, property (a training set)',
    'lfw.bin, cfp_fp.bin, agedb_30.bin ... (verification sets, distributed with it)',
    ijbLayout,
  ],
  matches: (folder) => findRecords(folder) !== undefined,
  open: async (folder, { cacheFolder }) => {
    const records = await openTrainingRecords(folder, { cacheFolder });
    const sets = await verificationIn(folder);
    return {
      train: records.source,
      others: sets.others,
      remarks: [...remarksOn(records), ...sets.remarks],
      faults: [...faultsOf(records), ...(sets.verification === 0 ? [noSets] : []), ...sets.faults],
    };
  },
  example: async (folder) => {
    await writeFacesExample(folder);
    await writeIjbExample(folder);
  },
};

const noSets =
  'There are no verification sets (lfw.bin ...) in the folder: training needs them here or in --verification.';

/** Verification sets without a training set. */
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
  example: writeFacesExample,
};

/** The user's own faces. */
export const faceFolderKind: DataKind = {
  name: 'folder',
  title: 'Faces in folders by identity',
  layout: [
    'train/<identity>/*.jpg (or <identity>/*.jpg alone), aligned to 112 x 112',
    'lfw.bin ... (verification sets)',
  ],
  matches: isFolder,
  open: async (folder, options) => {
    const { source, notes } = await openFaceFolders(folder, options);
    const sets = await verificationIn(folder);
    return { ...sets, train: source, remarks: [...notes, ...sets.remarks] };
  },
  example: (folder) =>
    writeClassFolders(folder, { classNames: ['ann', 'bo', 'cy'], path: (name, i) => `train/${name}/${i}.jpg` }),
};

interface FoundSets extends Required<Pick<OpenedData, 'others' | 'remarks' | 'faults'>> {
  /** How many verification sets there are, without IJB. */
  readonly verification: number;
}

async function verificationIn(folder: string): Promise<FoundSets> {
  const sets = hasVerificationSets(folder) ? await openVerificationSets(folder) : [];
  const ijb = await ijbIn(folder);
  return {
    verification: sets.length,
    others: [...sets.map(({ images }) => images), ...ijb.others],
    remarks: [
      ...sets.map(({ name, pairs }) => {
        const { pairs: count, same } = countPairs(pairs);
        const published = publishedPairs.get(name);
        const other =
          published === undefined || published === count ? '' : ` (the published set has ${published} pairs)`;
        return `${name}: ${count} pairs in ${pairs.folds} folds, ${same} of the same person${other}.`;
      }),
      ...ijb.remarks,
    ],
    faults: ijb.faults,
  };
}

/** Reads the meta files of IJB-B and IJB-C, and looks for their images; those that are there can be decoded. */
async function ijbIn(folder: string) {
  const [remarks, faults, others]: [string[], string[], ImageSource[]] = [[], [], []];
  for (const set of ijbListsIn(folder)) {
    const paths = ijbPaths(folder, set);
    const meta = await readIjbMeta(paths);
    describeMeta(meta, set, (line) => remarks.push(`${line}.`));
    const crops = { ...meta.images, name: setTitles[set], folder: paths.crops, onUnreadable: 'black' } as const;
    const { unreadable, close } = await alignedCrops(crops);
    await close();
    others.push(cropsThere(setTitles[set], paths.crops, meta.images.names, unreadable));
    const [first] = unreadable;
    if (!first) continue;
    const [index, reason] = first;
    faults.push(
      `${unreadable.size} of ${meta.counts.images} images of ${setTitles[set]} cannot be used: ${join(paths.crops, meta.images.names[index] ?? '')}: ${reason} ...`,
    );
  }
  return { remarks, faults, others };
}

function cropsThere(name: string, root: string, all: readonly string[], lacking: ReadonlyMap<number, string>) {
  const there = [...new Set(all.filter((_, index) => !lacking.has(index)))];
  return listedSource({
    name,
    root,
    classNames: ['face'],
    labels: new Int32Array(there.length),
    // Only checked, and not known by its contents.
    stamps: there.map(() => ''),
    path: (index) => there[index] as string,
  });
}

function remarksOn({ source, size, hasIndex, notes }: TrainingRecords): string[] {
  const { classes, labels } = source;
  const published = publishedSets.find((set) => set.identities === classes && set.images === labels.length);
  const alike = publishedSets.filter((set) => set.identities === classes || set.images === labels.length);
  return [
    ...notes,
    `${classes} identities, ${labels.length} images of ${sizeWords(size)}${published ? `, like ${published.title}` : ''}.`,
    ...alike
      .filter((set) => set !== published)
      .map(
        ({ title, identities, images }) => `The published ${title} has ${identities} identities and ${images} images.`,
      ),
    ...(hasIndex
      ? []
      : ['There is no .idx: the records were listed by reading the whole file, and the list is stored.']),
  ];
}

function faultsOf(records: TrainingRecords): string[] {
  const { property } = records;
  const empty = emptyIdentities(records);
  return [
    ...(property ? [] : ['There is no file property (<identities>,112,112): the identities were counted.']),
    ...(empty ? [empty] : []),
    ...lossesOf(records),
  ];
}
