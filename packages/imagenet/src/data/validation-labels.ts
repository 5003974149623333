import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { type Refuse, readBytes, refusal, shown } from '@headshare/core/weights/refusal';
import { type MatValue, readMatFile } from './mat-file';

/** The class folder's name (WordNet id, n01440764) of each validation image, by the number in the image's name, from 1. */
export type ValidationLabels = ReadonlyMap<number, string>;

const folders = ['', 'ILSVRC2012_devkit_t12/data', 'devkit/data', 'data', 'val'];
const solution = 'LOC_val_solution.csv';
const idOfEachImage = 'imagenet_2012_validation_synset_labels.txt';
const groundTruth = 'ILSVRC2012_validation_ground_truth.txt';
const table = 'meta.mat';
const idList = 'ILSVRC2012_ids.txt';
const wordNetId = /^n\d{8}$/;

/**
 * Reads the classes of the validation images from the data's folder, the development kit's or those above: from Kaggle's
 * list, a list of WordNet ids in the images' order, or the development kit's numbers (which are not labels) with the
 * table of their classes (meta.mat, or a text file of WordNet ids in the order of the numbers).
 * @throws UserError if there is no list, or it is damaged
 */
export function readValidationLabels(folder: string, above: readonly string[] = []): ValidationLabels {
  const find = (name: string) =>
    [folder, ...above].flatMap((at) => folders.map((below) => join(at, below, name))).find((file) => existsSync(file));
  const csv = find(solution);
  if (csv) return parseSolution(text(csv), refusal(csv, 'a list of validation labels'));
  const ids = find(idOfEachImage);
  if (ids) return readWordNetIds(ids);
  const numbers = find(groundTruth);
  if (!numbers) {
    throw new UserError(
      `${folder} has the validation images in one folder, but no list of their classes: put ${groundTruth} and ${table} of the development kit (ILSVRC2012_devkit_t12) there, or Kaggle's ${solution}, or ${idOfEachImage}.`,
      1,
    );
  }
  const meta = find(table);
  const list = find(idList);
  if (!meta && !list) {
    throw new UserError(
      `${numbers} has class numbers without names: put ${table} of the development kit beside it, or ${idList}, the WordNet ids in the order of the numbers, one a line.`,
      1,
    );
  }
  const classes = list ? readWordNetIds(list) : readClassTable(meta as string);
  return parseGroundTruth(text(numbers), classes, refusal(numbers, 'a list of validation labels'));
}

/** The WordNet ids of a text file, by line number from 1. */
const readWordNetIds = (file: string): ValidationLabels =>
  new Map(parseWordNetIds(text(file), refusal(file, 'a list of WordNet ids')).map((id, i) => [i + 1, id]));

function readClassTable(file: string): ReadonlyMap<number, string> {
  const refuse = refusal(file, "ImageNet's table");
  return wordNetIds(readMatFile(readBytes(file), refuse), refuse);
}

const text = (file: string): string => readBytes(file).toString('utf8');

function linesOf(content: string): string[] {
  return content.replace(/\s+$/, '').split(/\r?\n/);
}

/** Parses lines `ILSVRC2012_val_00048981,n03995372 85 1 499 272` below a title. */
export function parseSolution(content: string, refuse: Refuse): ValidationLabels {
  const labels = new Map<number, string>();
  for (const [i, line] of linesOf(content).entries()) {
    const [, number, id] = /^ILSVRC2012_val_(\d{8}),(n\d{8})\b/.exec(line) ?? [];
    if (number !== undefined && id !== undefined) labels.set(Number(number), id);
    else if (i > 0)
      throw refuse(`its line ${i + 1} is '${shown(line)}' instead of ILSVRC2012_val_00000001,n01440764 ...`);
  }
  if (labels.size === 0) throw refuse('it is empty');
  return labels;
}

/** Parses a WordNet id a line; more words may follow. */
export function parseWordNetIds(content: string, refuse: Refuse): string[] {
  return linesOf(content).map((line, i) => {
    const [id = ''] = line.trim().split(/\s/);
    if (!wordNetId.test(id))
      throw refuse(`its line ${i + 1} is '${shown(line)}' instead of a WordNet id like n01440764`);
    return id;
  });
}

/** Parses lines of class numbers; line i is of image i. */
export function parseGroundTruth(
  content: string,
  classes: ReadonlyMap<number, string>,
  refuse: Refuse,
): ValidationLabels {
  const labels = new Map<number, string>();
  for (const [i, line] of linesOf(content).entries()) {
    const id = /^\s*\d+\s*$/.test(line) ? classes.get(Number(line)) : undefined;
    if (id === undefined) throw refuse(`its line ${i + 1} is '${shown(line)}', which is not the number of a class`);
    labels.set(i + 1, id);
  }
  return labels;
}

/** Reads `synsets` of meta.mat: structures with ILSVRC2012_ID and WNID. @throws UserError if it has none */
export function wordNetIds(variables: ReadonlyMap<string, MatValue>, refuse: Refuse): ReadonlyMap<number, string> {
  const synsets = variables.get('synsets');
  if (synsets?.kind !== 'struct') throw refuse("it has no table 'synsets'");
  const ids = new Map<number, string>();
  for (const element of synsets.elements) {
    const number = element.get('ILSVRC2012_ID');
    const id = element.get('WNID');
    const value = number?.kind === 'numbers' ? number.values[0] : undefined;
    if (value === undefined || id?.kind !== 'text' || !wordNetId.test(id.text)) {
      throw refuse("its table 'synsets' has an entry without ILSVRC2012_ID or WNID");
    }
    ids.set(value, id.text);
  }
  return ids;
}
