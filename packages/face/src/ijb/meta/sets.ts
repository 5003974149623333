import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';

export const setNames = ['ijbb', 'ijbc'] as const;

export type SetName = (typeof setNames)[number];

export interface IjbCounts {
  readonly images: number;
  readonly templates: number;
  readonly pairs: number;
  /** Pairs of the same person. */
  readonly same: number;
}

/** Counts of the published sets (IJB-B: Whitelam et al., 2017; IJB-C: Maze et al., 2018). */
export const publishedCounts: Readonly<Record<SetName, IjbCounts>> = {
  ijbb: { images: 227_630, templates: 12_115, pairs: 8_010_270, same: 10_270 },
  ijbc: { images: 469_375, templates: 23_124, pairs: 15_658_489, same: 19_557 },
};

export const setTitles = { ijbb: 'IJB-B', ijbc: 'IJB-C' } as const satisfies Readonly<Record<SetName, string>>;

/** Paths of a set's parts in insightface's layout. */
export interface IjbPaths {
  /** A text file, lines of: name, template, media. */
  readonly faces: string;
  /** Lines of: name, points, score. */
  readonly landmarks: string;
  /** Lines of: template, template, label. */
  readonly pairs: string;
  /** The folder of loosely cropped faces. */
  readonly crops: string;
}

/** The sets whose meta files are in a folder, in its IJBB/ and IJBC/ or directly. */
export const ijbListsIn = (folder: string): readonly SetName[] =>
  setNames.filter((set) => existsSync(join(rootOf(folder, set), 'meta', `${set}_face_tid_mid.txt`)));

/** The sets whose meta files and images are in a folder. */
export const ijbSetsIn = (folder: string): readonly SetName[] =>
  ijbListsIn(folder).filter((set) => existsSync(join(rootOf(folder, set), 'loose_crop')));

function rootOf(folder: string, set: SetName): string {
  const inner = join(folder, set.toUpperCase());
  return existsSync(join(inner, 'meta')) ? inner : folder;
}

/**
 * The paths of a set in a folder that contains IJBB/ or IJBC/, or is one of these.
 * @throws UserError that names a missing meta file; the crops may be missing, because --embeddings need none
 */
export function ijbPaths(folder: string, set: SetName): IjbPaths {
  const root = rootOf(folder, set);
  const meta = (name: string) => join(root, 'meta', `${set}_${name}.txt`);
  const paths = {
    faces: meta('face_tid_mid'),
    landmarks: meta('name_5pts_score'),
    pairs: meta('template_pair_label'),
    crops: join(root, 'loose_crop'),
  };
  const missing = [paths.faces, paths.landmarks, paths.pairs].find((file) => !existsSync(file));
  if (missing === undefined) return paths;
  const inner = set.toUpperCase();
  throw new UserError(
    `${setTitles[set]} is not in ${folder}: there is no ${missing}; the folder must contain ${inner}/meta and ${inner}/loose_crop`,
  );
}
