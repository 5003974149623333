import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { temporaryFolder } from '../../../test/temporary-folder';
import { UserError } from '../../system/user-error';
import { refusal } from '../../weights/refusal';
import { writeClassFolders } from '../example/class-folders';
import { openClassFolders } from './class-folders';
import { readImage } from './image-source';
import { packShards } from './pack-shards';
import { openShards, parseShardIndex, shardIndexFile, verifyShards } from './shards';

const folder = temporaryFolder();

async function packed(shardBytes: number) {
  const data = join(folder.path, 'data');
  await writeClassFolders(data, { classNames: ['a', 'b'], path: (name, i) => `${name}/${i}.JPEG` });
  const { train } = await openClassFolders(data);
  const out = join(folder.path, 'shards');
  const index = await packShards(train, out, shardBytes);
  return { train, out, index };
}

test('shards hold the images of their source, byte by byte', async () => {
  const { train, out, index } = await packed(900);
  expect(index.shards.length).toBeGreaterThan(2);
  const source = await openShards(out, train.name);
  expect(source.fingerprint).toBe(train.fingerprint);
  expect(source.classNames).toEqual(train.classNames);
  expect(Array.from(source.labels)).toEqual(Array.from(train.labels));
  for (let i = 0; i < train.labels.length; i++) {
    expect((await readImage(source.locate(i))).equals(await readImage(train.locate(i)))).toBe(true);
  }
  expect(readdirSync(out).filter((name) => name.endsWith('.partial'))).toEqual([]);
  await verifyShards(out, train.name);
});

test('boxes are packed with the images', async () => {
  const { train, out } = await packed(1 << 20);
  await packShards({ ...train, locate: (i) => ({ ...train.locate(i), box: [i, 1, 2, 3] }) }, out);
  const source = await openShards(out, train.name);
  expect(source.locate(4).box).toEqual([4, 1, 2, 3]);
});

test('errors name damaged and missing shards', async () => {
  const { train, out, index } = await packed(900);
  const [first, second] = index.shards.map(({ file }) => join(out, file)) as [string, string];
  const bytes = readFileSync(first);
  bytes[100] = (bytes[100] as number) ^ 1;
  writeFileSync(first, bytes);
  await openShards(out, train.name);
  await expect(verifyShards(out, train.name)).rejects.toThrow(
    `${first} is not the shard of ${bytes.length} bytes that was packed: its checksum is wrong.`,
  );
  truncateSync(second, 10);
  await expect(openShards(out, train.name)).rejects.toThrow(`${second} is not the shard`);
  rmSync(second);
  await expect(openShards(out, train.name)).rejects.toThrow('it is missing');
  await expect(openShards(out, 'other')).rejects.toThrow(
    'other.shards.json cannot be read (ENOENT): pack the images again.',
  );
});

test('an image that cannot be read leaves no index', async () => {
  const { train, out } = await packed(900);
  rmSync(train.locate(7).file);
  await expect(packShards(train, out, 900)).rejects.toThrow(`${train.locate(7).file} cannot be read (ENOENT).`);
  await expect(openShards(out, train.name)).rejects.toThrow('pack the images again');
});

test('a damaged index is refused with a UserError', async () => {
  const { train, out } = await packed(900);
  const good = readFileSync(shardIndexFile(out, train.name), 'utf8');
  let refused = 0;
  const letters = fc.array(fc.tuple(fc.nat(good.length - 1), fc.constantFrom(...'[]{},:"0123456789-e.xnull')), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(letters, (edits) => {
      const text = edits.reduce((all, [at, letter]) => all.slice(0, at) + letter + all.slice(at + 1), good);
      try {
        parseShardIndex(text, refusal('index', 'an index'));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
  expect(refused).toBeGreaterThan(500);
});
