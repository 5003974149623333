import { imageBytes } from '@headshare/core/data/dataset';
import { sides } from '@headshare/core/system/image-size';
import type { Task } from '@headshare/core/train/evaluation/task';
import type { Picture } from 'headshare-student/picture';

export interface NamedPicture {
  readonly name: string;
  readonly picture: Picture;
}

/** The most people in a gallery from a run's own pictures. */
const mostPeople = 50;
/** People whose further pictures are there to try. */
const triedPeople = 6;

/**
 * People of a run's training pictures: for the gallery one picture of each, and two further ones of some of them to try.
 * Classes with fewer than three pictures are left out.
 */
export async function peopleOf(train: Task['train']): Promise<{ gallery: NamedPicture[]; tries: NamedPicture[] }> {
  const images = imagesByClass(train.labels, train.classes);
  const usable = images.map((list, label) => ({ label, list })).filter(({ list }) => list.length >= 3);
  const people = spread(usable, mostPeople);
  const name = (label: number) => `person ${label}`;
  const gallery = await read(
    train,
    people.map(({ label, list }) => [name(label), list[0] as number]),
  );
  const tries = await read(
    train,
    spread(people, triedPeople).flatMap(({ label, list }) =>
      [1, 2].map((i): [string, number] => [`${name(label)}, picture ${i}`, list[i] as number]),
    ),
  );
  return { gallery, tries };
}

/** Pictures of classes, two of each of up to six. @param classNames by label; default: their numbers */
export async function picturesToTry(train: Task['train'], classNames?: readonly string[]): Promise<NamedPicture[]> {
  const classes = imagesByClass(train.labels, train.classes).map((list, label) => ({ label, list }));
  const name = (label: number) => classNames?.[label] ?? `class ${label}`;
  return read(
    train,
    spread(classes, triedPeople).flatMap(({ label, list }) =>
      list.slice(0, 2).map((at): [string, number] => [name(label), at]),
    ),
  );
}

function imagesByClass(labels: Int32Array, classes: number): number[][] {
  const images: number[][] = Array.from({ length: classes }, () => []);
  for (const [at, label] of labels.entries()) images[label]?.push(at);
  return images;
}

/** At most `count` of a list, spread over it. */
function spread<T>(list: readonly T[], count: number): T[] {
  const wanted = Math.min(count, list.length);
  return Array.from({ length: wanted }, (_, i) => list[Math.floor((i * list.length) / wanted)] as T);
}

async function read(train: Task['train'], wanted: readonly (readonly [string, number])[]): Promise<NamedPicture[]> {
  const bytes = imageBytes(train);
  const all = new Uint8Array(wanted.length * bytes);
  await train.read(
    wanted.map(([, at]) => at),
    all,
  );
  return wanted.map(([name], i) => ({
    name,
    picture: { pixels: all.slice(i * bytes, (i + 1) * bytes), ...sides(train.size) },
  }));
}
