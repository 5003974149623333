/** Embeddings of images by several real processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders } from '@headshare/core/test/tiny-training';
import { trainingWorkers } from '@headshare/core/test/training-workers';

const workers = trainingWorkers(join(__dirname, '../../../test/extraction-worker.ts'));
afterAll(removeTemporaryFolders);

const shardsIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.embeddings'))
    .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]);

test('workers store the bits of one process, also when one is killed and replaced', async () => {
  const alone = workers.start('all', { count: 0, teacher: '' });
  const group = await workers.start('all', { count: 2, teacher: '' });
  await group.steps(3);
  await group.kill(1, 'SIGKILL');
  const { folder } = await group.done();
  const expected = shardsIn((await (await alone).done()).folder);
  expect(expected).toHaveLength(12);
  expect(shardsIn(folder)).toEqual(expected);
}, 60_000);
