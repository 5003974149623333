import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, parse } from 'node:path';
import { decodePicture } from '@headshare/core/data/pipeline/decode';
import { imageEndings } from '@headshare/core/data/sources/tree-listing';
import { sentenceOf } from '@headshare/core/system/sentence-of';
import { UserError } from '@headshare/core/system/user-error';
import type { Card } from 'headshare-student/card';
import type { Picture } from 'headshare-student/picture';
import { prepare } from 'headshare-student/prepare';

/** A person of a gallery with one or more pictures. */
export interface Person {
  readonly name: string;
  readonly pictures: readonly Picture[];
}

/**
 * People in a folder: a folder of pictures for each person, or a picture named after each.
 * @throws UserError for a folder without pictures, or a picture that is unreadable or of another size than the network's
 */
export async function peopleIn(folder: string, { input }: Pick<Card, 'input'>): Promise<Person[]> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`--gallery: ${folder} is not a folder; it should hold <person>/<picture>, or <person>.jpg`);
  }
  const read = async (file: string): Promise<Picture> => {
    try {
      // Photos are turned by their EXIF orientation, as the page turns them.
      return prepare(await decodePicture(readFileSync(file), { applyOrientation: true }), { input });
    } catch (error) {
      throw new UserError(`--gallery: ${file} cannot be used: ${sentenceOf(error)}`, 1);
    }
  };
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const people: Person[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      const files = readdirSync(path).filter(isPicture).sort();
      const pictures = await Promise.all(files.map((file) => read(join(path, file))));
      if (pictures.length > 0) people.push({ name: entry.name, pictures });
    } else if (isPicture(entry.name)) {
      people.push({ name: parse(entry.name).name, pictures: [await read(path)] });
    }
  }
  if (people.length === 0) {
    throw new UserError(`--gallery: ${folder} has no pictures (${imageEndings.join(', ')})`);
  }
  return people;
}

const isPicture = (name: string): boolean => imageEndings.includes(parse(name).ext.toLowerCase());
