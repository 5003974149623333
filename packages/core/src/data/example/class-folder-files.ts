import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cutOff, exampleImage, oddKinds } from './image-files';

export interface ClassFolderExample {
  readonly classNames: readonly string[];
  readonly images?: number;
  /** Where image i (from 0) of a class goes, below the folder. */
  readonly path: (className: string, i: number) => string;
  /** One more file of the first class that is no whole image. */
  readonly corrupt?: string;
}

/** Writes images by class: of each class one of every kind that real sets have, as far as `images` (default 5) reach. */
export async function writeClassFolders(folder: string, example: ClassFolderExample): Promise<void> {
  const { classNames, images = 5, path, corrupt } = example;
  for (const [label, className] of classNames.entries()) {
    for (let i = 0; i < images; i++) {
      const kind = oddKinds[i % oddKinds.length];
      await writeInto(join(folder, path(className, i)), await exampleImage(label, i, { kind }));
    }
  }
  if (corrupt !== undefined) await writeInto(join(folder, corrupt), cutOff(await exampleImage(0, 0)));
}

export async function writeInto(file: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
