import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';

export const setNames = ['ijbb', 'ijbc'] as const;

export type SetName = (typeof setNames)[number];

/** How many there are in the published sets (IJB-B: Whitelam et al., 2017; IJB-C: Maze et al., 2018). */
export interface IjbCounts {
  readonly images: number;
  readonly templates: number;
  readonly pairs: number;
  /** Pairs of the same person. */
  readonly same: number;
}

export const publishedCounts: Readonly<Record<SetName, IjbCounts>> = {
  ijbb: { images: 227_630, templates: 12_115, pairs: 8_010_270, same: 10_270 },
  ijbc: { images: 469_375, templates: 23_124, pairs: 15_658_489, same: 19_557 },
};

export const setTitles = { ijbb: 'IJB-B', ijbc: 'IJB-C' } as const satisfies Readonly<Record<SetName, string>>;

/** Where the parts of a set lie, as insightface distributes it. */
export interface IjbPlaces {
  /** name, template, media. */
  readonly faces: string;
  /** name, points, score. */
  readonly landmarks: string;
  /** template, template, label. */
  readonly pairs: string;
  /** The folder of loosely cropped faces. */
  readonly crops: string;
}

/** The sets whose lists a folder holds, in IJBB/ and IJBC/ or itself. */
export const ijbListsIn = (folder: string): readonly SetName[] =>
  setNames.filter((set) => existsSync(join(rootOf(folder, set), 'meta', `${set}_face_tid_mid.txt`)));

/** The sets whose lists and pictures a folder holds. */
export const ijbSetsIn = (folder: string): readonly SetName[] =>
  ijbListsIn(folder).filter((set) => existsSync(join(rootOf(folder, set), 'loose_crop')));

function rootOf(folder: string, set: SetName): string {
  const inner = join(folder, set.toUpperCase());
  return existsSync(join(inner, 'meta')) ? inner : folder;
}

/**
 * The places of a set in a folder that holds IJBB/ or IJBC/, or is one of these.
 * @throws UserError naming what is missing; the crops may be: given embeddings do without
 */
export function ijbPlaces(folder: string, set: SetName): IjbPlaces {
  const root = rootOf(folder, set);
  const meta = (name: string) => join(root, 'meta', `${set}_${name}.txt`);
  const places = {
    faces: meta('face_tid_mid'),
    landmarks: meta('name_5pts_score'),
    pairs: meta('template_pair_label'),
    crops: join(root, 'loose_crop'),
  };
  for (const file of [places.faces, places.landmarks, places.pairs]) {
    if (existsSync(file)) continue;
    throw new UserError(
      `${setTitles[set]} is not in ${folder}: there is no ${file}; a folder with ${set.toUpperCase()}/meta and ${set.toUpperCase()}/loose_crop is wanted`,
    );
  }
  return places;
}
