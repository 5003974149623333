import { join } from 'node:path';
import { unpackCommand } from '../../system/archive';
import { UserError } from '../../system/user-error';
import { abbreviate, pictures } from './abbreviate';
import { type FolderContents, folderContents } from './folder-contents';
import { likeRole, splitOf } from './split-names';

/** Where the images of a folder lie. */
export interface SplitLayout {
  /** The folder that holds the parts. */
  readonly root: string;
  /** The folder of training images below the root; '' if the root itself holds the classes of all images. */
  readonly train: string;
  /** The folder of test images below the root; absent: some of the training images become the test set. */
  readonly test?: string;
  /** Why some of the training images become the test set. */
  readonly because?: string;
  /** Sentences about what was found, taken and left out. */
  readonly notes: readonly string[];
}

// An archive is often unpacked a folder or two deeper than its data are wanted.
const mostWrappers = 3;

/**
 * Finds the splits of a folder of images by class: `train/<class>/` with `val/<class>/` or `test/<class>/`, under these or
 * similar names, or `<class>/` alone; in the folder itself or in the only folder that it holds.
 * @throws UserError for folders that look like splits, but leave open which of them is meant, or hold no classes
 */
export function findSplits(folder: string): SplitLayout {
  const { root, contents } = unwrapped(folder);
  const notes = root === folder ? [] : [`The data are in ${root}, as ${folder} holds no other folder.`];
  if (contents.folders.length === 0) throw withoutFolders(root, contents);
  if (contents.images > 0) notes.push(`${pictures(contents.images)} in ${root} itself: of no class, and not read.`);
  const splits = contents.folders.filter(likeRole).map((name) => ({ name, kind: kindOf(join(root, name)) }));
  const others = contents.folders.filter((name) => !likeRole(name));
  if (areClasses(root, splits, others)) {
    const names = splits.map(({ name }) => name);
    if (names.length > 0) notes.push(`${abbreviate(names)} in ${root}: taken as a class, like the other folders.`);
    return {
      root,
      train: '',
      notes: [...notes, ...alike(root, contents.folders)],
      because: 'there is no folder train',
    };
  }
  const { train, test, because, left } = chooseSplits(root, splits);
  const unread = [...left, ...others];
  if (test !== undefined && (train !== 'train' || test !== 'val' || left.length > 0)) {
    notes.push(`${train} has the training images, and ${test} the test images.`);
  }
  if (unread.length > 0) notes.push(`Not read: ${abbreviate(unread)} in ${root}.`);
  const parts = [train, ...(test === undefined ? [] : [test])].map((part) => innermost(root, part, notes));
  return { root, train: parts[0] as string, ...(test === undefined ? { because } : { test: parts[1] }), notes };
}

/** The folder itself, or a folder below it that is the only one. */
function unwrapped(folder: string) {
  let root = folder;
  let contents = folderContents(root);
  for (let depth = 0; depth < mostWrappers; depth++) {
    const [only, another] = contents.folders;
    if (only === undefined || another !== undefined || contents.images > 0 || splitOf(only)) break;
    const inner = folderContents(join(root, only));
    if (inner.folders.length === 0) break;
    root = join(root, only);
    contents = inner;
  }
  return { root, contents };
}

/** A split's folder, or the only folder in it where that holds the classes: `training_set/training_set/<class>`. */
function innermost(root: string, part: string, notes: string[]): string {
  const { folders, images } = folderContents(join(root, part));
  const [only, another] = folders;
  if (only === undefined || another !== undefined || images > 0) return part;
  if (folderContents(join(root, part, only)).folders.length === 0) return part;
  notes.push(`The classes of ${part} are in ${part}/${only}.`);
  return `${part}/${only}`;
}

interface SplitFolder {
  readonly name: string;
  /** `classes`: it holds folders; `pictures`: images, but no folders. */
  readonly kind: 'classes' | 'pictures' | 'empty';
}

function kindOf(folder: string): SplitFolder['kind'] {
  const { folders, images } = folderContents(folder);
  return folders.length > 0 ? 'classes' : images > 0 ? 'pictures' : 'empty';
}

/** Whether all folders are classes, although the names of some may be those of splits: `car/`, `train/`, `bus/`. */
function areClasses(root: string, splits: readonly SplitFolder[], others: readonly string[]): boolean {
  const known = splits.filter(({ name }) => splitOf(name));
  if (known.length > 1) return false;
  const isClass = ({ kind }: SplitFolder) => kind === 'pictures';
  const besides = () => others.some((name) => kindOf(join(root, name)) === 'pictures');
  if (known.length === 1) return splits.every(isClass) && besides();
  const roles = new Set(splits.map(({ name }) => likeRole(name)));
  if (splits.length < 2 || (roles.size < 2 && others.length > 0)) return true;
  return splits.every(isClass) && besides();
}

function chooseSplits(root: string, splits: readonly SplitFolder[]) {
  const known = splits.filter(({ name }) => splitOf(name));
  const of = (role: 'train' | 'test') => known.filter(({ name }) => splitOf(name)?.role === role).sort(byPreference);
  const [train, otherTrain] = of('train');
  if (!train) throw looksLike(root, splits);
  if (otherTrain && !splitOf(train.name)?.isExact) throw ambiguous(root, 'training', [train, otherTrain]);
  refuseWithoutClasses(root, train);
  const tests = of('test');
  const usable = tests.filter(({ kind }) => kind === 'classes');
  const [test, otherTest] = usable;
  if (test && otherTest && !splitOf(test.name)?.isExact && splitOf(test.name)?.word === splitOf(otherTest.name)?.word) {
    throw ambiguous(root, 'test', [test, otherTest]);
  }
  const left = splits.filter((it) => it !== train && it !== test);
  if (test) return { train: train.name, test: test.name, left: left.map(describe) };
  const unknown = splits.filter(({ name, kind }) => !splitOf(name) && kind === 'classes');
  if (unknown.length > 0) throw looksLike(root, [train, ...unknown]);
  const pictured = tests.filter(({ kind }) => kind === 'pictures');
  if (tests.length > 0 && pictured.length === 0) refuseWithoutClasses(root, tests[0] as SplitFolder);
  const because =
    pictured.length > 0
      ? `${pictured.map(({ name }) => name).join(' and ')} has pictures without class folders`
      : 'there is no folder of test images';
  return { train: train.name, because, left: left.map(describe) };
}

const describe = ({ name, kind }: SplitFolder): string =>
  kind === 'classes' ? name : `${name} (${kind === 'empty' ? 'empty' : 'pictures without class folders'})`;

/** Names that are a split's word itself come first, then those of the preferred word. */
function byPreference({ name: a }: SplitFolder, { name: b }: SplitFolder): number {
  const [one, other] = [splitOf(a), splitOf(b)];
  if (!one || !other) return 0;
  return Number(other.isExact) - Number(one.isExact) || one.word - other.word;
}

function refuseWithoutClasses(root: string, { name, kind }: SplitFolder): void {
  const at = join(root, name);
  if (kind === 'classes') return;
  const { images, archives } = folderContents(at);
  const wanted = `put the pictures of each class in a folder, ${name}/<class>/*.jpg`;
  if (kind === 'pictures') throw new UserError(`${at} has ${pictures(images)}, but no class folders: ${wanted}.`, 1);
  if (archives[0] !== undefined) throw withoutFolders(at, folderContents(at));
  const without =
    splitOf(name)?.role === 'test' ? '; without this folder, a fifth of each class becomes the test set' : '';
  throw new UserError(`${at} is empty: ${wanted}${without}.`, 1);
}

function looksLike(root: string, splits: readonly SplitFolder[]): UserError {
  const names = splits.map(({ name }) => name);
  const is =
    names.length === 1
      ? `the folder ${names[0]}, which looks like a split`
      : `the folders ${abbreviate(names)}, which look like splits`;
  const known = names.some((name) => splitOf(name)?.role === 'train');
  const why = known ? 'it is not clear which of them has the test images' : 'none of them is called train';
  return new UserError(
    `${root} has ${is} and not like classes, but ${why}: rename them (or make links) to train and val, with a folder for each class in both.`,
    1,
  );
}

const ambiguous = (root: string, what: string, splits: readonly SplitFolder[]): UserError =>
  new UserError(
    `${root} has the folders ${splits.map(({ name }) => name).join(' and ')}, and both may be the ${what} images: keep one of them there.`,
    1,
  );

function withoutFolders(root: string, { images, archives }: FolderContents): UserError {
  const [archive] = archives;
  if (images > 0) {
    return new UserError(`${root} has ${pictures(images)}, but no class folders: it should hold <class>/*.jpg.`, 1);
  }
  if (archive !== undefined) {
    const command = unpackCommand(join(root, archive));
    return new UserError(`${root} has no class folders, but the archive ${archive}: unpack it (${command}).`, 1);
  }
  return new UserError(`${root} has no class folders: it should hold train/<class>/*.jpg and val/<class>/*.jpg.`, 1);
}

/** A sentence about folders that hold the same folders, as splits do, and as classes rarely do. */
function alike(root: string, folders: readonly string[]): readonly string[] {
  if (folders.length < 2 || folders.length > 12) return [];
  const inner = folders.map((name) => folderContents(join(root, name)));
  const [first] = inner;
  if (!first || first.folders.length < 2) return [];
  const isAlike = inner.every(({ folders: names, images }) => images === 0 && `${names}` === `${first.folders}`);
  if (!isAlike) return [];
  return [
    `${abbreviate(folders)} hold folders of the same names (${abbreviate(first.folders)}), and are taken as classes: if they are splits, rename them to train and val.`,
  ];
}
