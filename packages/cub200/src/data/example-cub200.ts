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
  const tables = {
    classes: exampleBirds.map((name, label) => `${label + 1} ${name}`),
    images: images.map(({ id, path }) => `${id} ${path}`),
    image_class_labels: images.map(({ id, label }) => `${id} ${label + 1}`),
    train_test_split: images.map(({ id, i }) => `${id} ${i < 3 ? 1 : 0}`),
    bounding_boxes: images.map(({ id, i }) => `${id} ${5 + i}.0 4.0 40.0 30.0`),
  };
  for (const [name, rows] of Object.entries(tables)) await writeInto(join(root, `${name}.txt`), `${rows.join('\n')}\n`);
  await writeInto(join(root, 'images', exampleBirds[0], '._hidden.jpg'), 'no image');
  if (corrupt) await writeInto(join(root, 'images', (images[0] as { path: string }).path), 'no image');
  return root;
}
