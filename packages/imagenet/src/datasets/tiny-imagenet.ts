import { join } from 'node:path';
import { exampleImage, writeInto } from '@headshare/core/data/example/class-folders';
import { hasAnnotations } from '@headshare/core/data/sources/annotated-split';
import { openClassFolders } from '@headshare/core/data/sources/class-folders';
import { type DataKind, openedData } from '@headshare/core/data-check/data-kind';

const archiveFolder = 'tiny-imagenet-200';

/**
 * Tiny ImageNet (Stanford's CS231n): 200 classes of 64 x 64 as they are distributed, with the classes of the validation
 * images in a list. `--dataset=folder` and `imagenet` read it too. Its test images have no labels.
 */
const tinyImageNet: DataKind = {
  name: 'tiny-imagenet',
  title: 'Tiny ImageNet',
  page: 'http://cs231n.stanford.edu/tiny-imagenet-200.zip',
  layout: ['train/n01443537/images/*.JPEG (200 such folders)', 'val/images/*.JPEG and val/val_annotations.txt'],
  published: { classes: 200, train: 100_000, test: 10_000 },
  matches: (folder) => ['', archiveFolder].some((place) => hasAnnotations(join(folder, place, 'val'))),
  open: async (folder, options) => openedData(await openClassFolders(folder, options)),
  async example(folder) {
    const ids = ['n01443537', 'n01629819', 'n01641577'];
    const lines: string[] = [];
    for (const [label, id] of ids.entries()) {
      const image = (i: number) => exampleImage(label, i);
      for (let i = 0; i < 3; i++)
        await writeInto(join(folder, 'train', id, 'images', `${id}_${i}.JPEG`), await image(i));
      await writeInto(join(folder, 'val/images', `val_${label}.JPEG`), await image(3));
      lines.push(`val_${label}.JPEG\t${id}\t0\t0\t63\t63\n`);
    }
    await writeInto(join(folder, 'val/val_annotations.txt'), lines.join(''));
    await writeInto(join(folder, 'wnids.txt'), `${ids.join('\n')}\n`);
  },
};

export default tinyImageNet;
