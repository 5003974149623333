import { join } from 'node:path';
import { writeClassFolders, writeInto } from '@headshare/core/data/example/class-folders';

export const exampleBirds = ['001.Example_Finch', '002.Example_Gull', '003.Example_Wren'] as const;
const imagesPerClass = 5;

/** Writes a CUB_200_2011 of three species with three training and two test images each. @returns its folder */
export async function writeCub200Example(folder: string, { corrupt = false } = {}): Promise<string> {
  const root = join(folder, 'CUB_200_2011');
  const file = (name: string, i: number) => `${name}/${name.slice(4)}_${String(i).padStart(4, '0')}.jpg`;
  await writeClassFolders(join(root, 'images'), { classNames: exampleBirds, images: imagesPerClass, path: file });
  const images = exampleBirds.flatMap((name, label) =>
    Array.from({ length: imagesPerClass }, (_, i) => ({
      id: label * imagesPerClass + i + 1,
      label,
      i,
      path: file(name, i),
    })),
  );
  const table = (name: string, rows: readonly string[]) => writeInto(join(root, name), `${rows.join('\n')}\n`);
  await table(
    'classes.txt',
    exampleBirds.map((name, label) => `${label + 1} ${name}`),
  );
  await table(
    'images.txt',
    images.map(({ id, path }) => `${id} ${path}`),
  );
  await table(
    'image_class_labels.txt',
    images.map(({ id, label }) => `${id} ${label + 1}`),
  );
  await table(
    'train_test_split.txt',
    images.map(({ id, i }) => `${id} ${i < 3 ? 1 : 0}`),
  );
  await table(
    'bounding_boxes.txt',
    images.map(({ id, i }) => `${id} ${5 + i}.0 4.0 40.0 30.0`),
  );
  await writeInto(join(root, 'images', exampleBirds[0], '._hidden.jpg'), 'no image');
  if (corrupt) await writeInto(join(root, 'images', (images[0] as { path: string }).path), 'no image');
  return root;
}
