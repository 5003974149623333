/** Names of files that are not UTF-8, from the folder to the picture. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturesFolder } from '../../../test/image-folder';
import { temporaryFolder } from '../../../test/temporary-folder';
import { pipelineDataset } from '../pipeline/pipeline-dataset';
import { unreadableImages } from '../unreadable-images';
import { openClassFolders } from './class-folders';
import { readImage } from './image-source';

const folder = temporaryFolder();
const latin = (name: string) => Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from(name, 'latin1')]);

test('pictures and classes with Latin-1 names are listed, read and decoded', async () => {
  const picture = readFileSync(join(fixturesFolder, 'colour.jpg'));
  for (const split of ['train', 'val']) {
    for (const name of ['café', 'thé']) {
      mkdirSync(latin(`${split}/${name}`), { recursive: true });
      writeFileSync(latin(`${split}/${name}/naïve.jpg`), picture);
      writeFileSync(latin(`${split}/${name}/naive.jpg`), picture);
    }
  }
  const { train, test } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['caf\\xE9', 'th\\xE9']);
  expect([Array.from(train.labels), Array.from(test.labels)]).toEqual([
    [0, 0, 1, 1],
    [0, 0, 1, 1],
  ]);
  for (let i = 0; i < 4; i++) expect(await readImage(train.locate(i))).toEqual(picture);
  const unreadable = unreadableImages(train, { unreadableShare: 0 });
  const dataset = pipelineDataset(train, { size: 8, train: {}, test: { resize: 8 }, threads: 1, unreadable });
  const target = new Uint8Array(4 * 8 * 8 * 3);
  await dataset.read([0, 1, 2, 3], target);
  await dataset.close();
  expect(target.subarray(0, 192)).toEqual(target.subarray(3 * 192));
});

test('a class whose name is not UTF-8 is named in an error by its bytes', async () => {
  mkdirSync(latin('train/café'), { recursive: true });
  mkdirSync(latin('train/dog'), { recursive: true });
  writeFileSync(latin('train/dog/1.jpg'), 'x');
  await expect(openClassFolders(folder.path)).rejects.toThrow('caf\\xE9.');
});
