/** Which options of the experiments are in the run key: all on which a result depends, and no others. */
import { join } from 'node:path';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import type { Option } from '@headshare/core/experiment/option';
import { keyOptions } from '@headshare/core/experiment/plan-run';
import { repository } from './pages';

/** Options that change how the work is done: where caches lie, how many processes share it, how often it is saved. */
const changeNoResult = [
  'checkpointMinutes',
  'embeddingsCache',
  'insecureListen',
  'jobs',
  'join',
  'listen',
  'minWorkers',
  'recompute',
  'retry',
  'teacherCacheDir',
  'verifyData',
  'workerPatience',
  'workers',
];

const options = ['cub200', 'face', 'imagenet'].flatMap((name) =>
  [...loadCatalog(join(repository, 'packages', name)).experiments.values()].flatMap((one) =>
    Object.entries(one.options),
  ),
);

test('an option that changes no result is not in the key, and no other is left out', () => {
  const leftOut = new Set(options.filter(([, { notInKey }]) => notInKey).map(([name]) => name));
  expect([...leftOut].sort()).toEqual(changeNoResult);
});

test('a folder is in the key by its contents, or not at all', () => {
  const isFolder = ({ kind, placeholder }: Option<unknown>) => kind === 'folder' || placeholder === 'DIR';
  const byName = options.filter(([, one]) => isFolder(one) && one.names !== 'folder' && !one.notInKey);
  expect(byName.map(([name]) => name)).toEqual([]);
});

test('the key has the default of an option that it left in, so that older runs are found', () => {
  const keyed = (values: Readonly<Record<string, unknown>>) =>
    keyOptions({ options: Object.fromEntries(options) }, values);
  expect(keyed({ seed: 3, recompute: true, checkpointMinutes: 0, workers: 2, teacherCacheDir: 'here' })).toEqual({
    seed: 3,
    recompute: false,
    checkpointMinutes: 10,
  });
});
