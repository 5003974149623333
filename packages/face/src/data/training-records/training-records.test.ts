import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageBytes } from '@headshare/core/data/dataset';
import { pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import { frame } from '@headshare/core/data/record-io/frame';
import { packImage } from '@headshare/core/data/record-io/record-image';
import { readImage } from '@headshare/core/data/sources/image-source';
import { sides } from '@headshare/core/system/image-size';
import { bytesInMemory } from '@headshare/core/test/record-cases';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import fc from 'fast-check';
import sharp from 'sharp';
import { faceCase } from '../../../test/face-cases';
import { exactKey, listByIdentities } from './list-by-identities';
import { listByScan } from './list-by-scan';
import { openTrainingRecords } from './training-records';

interface Expected {
  readonly images: number;
  readonly identities: number;
  readonly identity_ranges: readonly (readonly [number, number])[];
  readonly records: readonly { key: number; offset: number; label: number; image_len: number; image_sha256: string }[];
}

const expected = JSON.parse(readFileSync(faceCase('rec/tiny.expected.json'), 'utf8')) as Expected;
const images = expected.records.filter(({ image_len }) => image_len > 0).sort((a, b) => a.key - b.key);
const folder = temporaryFolder();

/** Copies files that MXNet wrote into the test's folder. */
function tiny(...parts: readonly ('rec' | 'idx' | 'property')[]) {
  for (const part of parts) {
    const name = part === 'property' ? part : `train.${part}`;
    copyFileSync(faceCase(`rec/tiny.${part}`), join(folder.path, name));
  }
}

const writeIndex = (entries: readonly { readonly key: number; readonly offset: number }[]) =>
  writeFileSync(join(folder.path, 'train.idx'), entries.map(({ key, offset }) => `${key}\t${offset}\n`).join(''));

const open = (options = {}) => openTrainingRecords(folder.path, options);

test('a training set written by MXNet is read, including images that contain magic numbers', async () => {
  tiny('rec', 'idx', 'property');
  const { source, size, lost } = await open();
  expect([source.classes, size, source.labels.length, lost]).toEqual([expected.identities, 112, expected.images, []]);
  expect([...source.labels]).toEqual(images.map(({ label }) => label));
  for (const [i, { image_sha256 }] of images.entries()) {
    const image = await readImage(source.locate(i));
    expect(createHash('sha256').update(image).digest('hex')).toBe(image_sha256);
  }
  expect(() => source.locate(expected.images)).toThrow(RangeError);
});

test('the listing is the same without an index, without a property, and without identity records', async () => {
  tiny('rec', 'idx', 'property');
  const first = (await open()).source;
  rmSync(join(folder.path, 'train.idx'));
  const scanned = await open();
  expect([scanned.hasIndex, scanned.lostCount]).toEqual([false, 0]);
  rmSync(join(folder.path, 'property'));
  const bare = (await open()).source;
  writeIndex(images);
  const without = (await open()).source;
  for (const source of [scanned.source, bare, without]) {
    expect(source.labels).toEqual(first.labels);
    expect([source.classes, source.fingerprint]).toEqual([expected.identities, first.fingerprint]);
    for (const i of images.keys()) {
      expect(await readImage(source.locate(i))).toEqual(await readImage(first.locate(i)));
    }
  }
});

test('the listing is stored until a file changes, and replaced if it is damaged', async () => {
  tiny('rec', 'idx', 'property');
  const { source } = await open();
  const [name = ''] = readdirSync(join(folder.path, '.headshare'));
  const kept = join(folder.path, '.headshare', name);
  const bytes = readFileSync(kept);
  const rec = readFileSync(join(folder.path, 'train.rec'));
  expect((await open()).source.fingerprint).toBe(source.fingerprint);
  for (const at of [0, 30, bytes.length - 3]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(kept, changed);
    expect((await open()).source.labels).toEqual(source.labels);
    expect(readFileSync(kept)).toEqual(bytes);
  }
  writeFileSync(join(folder.path, 'train.rec'), Buffer.concat([rec, frame(packImage({ label: 0, id: 9 }))]));
  await open();
  expect(readFileSync(kept)).not.toEqual(bytes);
});

test('images equal those of the records, mirrored or not', async () => {
  tiny('rec', 'idx', 'property');
  const { source, size } = await open();
  const dataset = pipelineDataset(source, {
    size,
    train: { crop: { scale: [1, 1], ratio: [1, 1] } },
    test: { resize: size },
    threads: 1,
  });
  const bytes = imageBytes({ size });
  const seen = new Uint8Array(2 * bytes);
  await dataset.read([2, 6], seen);
  const first = [0, 1, 2, 3, 4, 5, 6, 7];
  const varied = new Uint8Array(8 * bytes);
  await dataset.read(first, varied, { seed: 1, epoch: 0 });
  await dataset.close();
  const pixels = await sharp(await readImage(source.locate(6)))
    .raw()
    .toBuffer();
  const difference = Math.max(...pixels.map((value, i) => Math.abs(value - (seen[bytes + i] as number))));
  expect(difference).toBeLessThanOrEqual(1);
  const plain = new Uint8Array(8 * bytes);
  const again = pipelineDataset(source, { size, train: {}, test: { resize: size }, threads: 1 });
  await again.read(first, plain);
  await again.close();
  const mirrored = Array.from({ length: 8 }, (_, image) => {
    const at = (data: Uint8Array, x: number) => data.subarray(image * bytes + 3 * x, image * bytes + 3 * x + 3).join();
    const straight = at(varied, 5) === at(plain, 5) && at(varied, 80) === at(plain, 80);
    expect(straight || at(varied, 5) === at(plain, sides(size).width - 6)).toBe(true);
    return !straight;
  });
  expect(new Set(mirrored).size).toBe(2);
});

describe('a selection of identities', () => {
  const count = (source: { labels: Int32Array; classes: number }) =>
    Array.from({ length: source.classes }, (_, label) => source.labels.filter((it) => it === label).length);
  const sizes = expected.identity_ranges.map(([from, until]) => until - from);
  const smallest = Math.min(...sizes);
  const middle = sizes.toSorted((a, b) => a - b)[sizes.length >> 1] as number;

  test('takes the first, those with enough images, or random ones, and renumbers them', async () => {
    tiny('rec', 'idx', 'property');
    const first = (await open({ identities: 3 })).source;
    expect([first.classNames, count(first)]).toEqual([['0', '1', '2'], sizes.slice(0, 3)]);
    const large = (await open({ minImages: middle })).source;
    const kept = images.filter(({ label }) => (sizes[label] as number) >= middle);
    expect(count(large)).toEqual(sizes.filter((size) => size >= middle));
    expect(large.classNames).toEqual([...new Set(kept.map(({ label }) => String(label)))]);
    for (const [i, { offset }] of kept.entries()) expect(large.locate(i)).toMatchObject({ offset });
    const options = { identities: 2, minImages: smallest, draw: 3 };
    const drawn = (await open(options)).source;
    expect(count(drawn)).toEqual(drawn.classNames.map((name) => sizes[Number(name)]));
    expect((await open(options)).source.fingerprint).toBe(drawn.fingerprint);
    expect(new Set([first, drawn].map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });

  test('cannot take more than there are', async () => {
    tiny('rec', 'idx', 'property');
    const identities = expected.identities + 1;
    await expect(open({ identities, minImages: middle })).rejects.toThrow(
      `--identities=${identities}: the data set has only ${sizes.filter((size) => size >= middle).length} identities with at least ${middle} images`,
    );
  });
});

describe('damage', () => {
  const half = images.length >> 1;
  const halfway = images[half];

  test('a damaged record is skipped and reported if the whole file is read', async () => {
    tiny('rec', 'property');
    const file = join(folder.path, 'train.rec');
    const bytes = readFileSync(file);
    const { offset } = images[3] as (typeof images)[number];
    bytes.writeUInt32LE(0, offset);
    writeFileSync(file, bytes);
    const { source, lost, lostCount } = await open();
    expect(source.labels.length).toBe(expected.images - 1);
    expect(lostCount).toBe(1);
    expect(lost).toEqual([{ from: offset, until: images[4]?.offset, why: expect.stringContaining('begin') }]);
  });

  test('with an index the damage shows when the record is read', async () => {
    tiny('rec', 'idx', 'property');
    const file = join(folder.path, 'train.rec');
    const bytes = readFileSync(file);
    bytes.writeUInt32LE(0, images[3]?.offset as number);
    writeFileSync(file, bytes);
    const { source } = await open();
    await expect(readImage(source.locate(3))).rejects.toThrow(
      `The record at byte ${images[3]?.offset} of ${file} cannot be read: it does not begin with the magic number.`,
    );
  });

  test.each([
    [
      'a file that is cut off',
      () => truncateSync(join(folder.path, 'train.rec'), halfway?.offset),
      `${expected.records.length - half} of its ${expected.records.length} offsets are not the start of a record, the first is byte ${halfway?.offset} of key ${halfway?.key}, and the records end at byte ${halfway?.offset}`,
    ],
    ['no records', () => writeFileSync(join(folder.path, 'train.rec'), ''), 'the records end at byte 0'],
    [
      'a property of huge images',
      () => writeFileSync(join(folder.path, 'property'), '8,112,9600'),
      'its images are 112 x 9600, larger than 1024',
    ],
    ['an empty property', () => writeFileSync(join(folder.path, 'property'), ''), "it is '' instead of"],
    [
      'too few identities',
      () => writeFileSync(join(folder.path, 'property'), `${expected.identities - 1},112,112\n`),
      `its property file has only ${expected.identities - 1} identities`,
    ],
    ['no file', () => rmSync(join(folder.path, 'train.rec')), 'has no train.rec'],
  ])('%s is a UserError', async (_, change, sentence) => {
    tiny('rec', 'idx', 'property');
    change();
    await expect(open()).rejects.toThrow(sentence);
  });

  test('labels that are not identities are an error', async () => {
    writeFileSync(join(folder.path, 'train.rec'), frame(packImage({ label: 1.5, id: 1, image: Buffer.alloc(9) })));
    await expect(open()).rejects.toThrow('the record at byte 0 has the label 1.5, which is not an identity');
  });
});

describe('an index', () => {
  const { records } = expected;
  const [third, middle] = [Math.floor(records.length / 3), Math.floor(records.length / 2)];
  const shifted = (from: number, until = records.length) =>
    records.map((one, i) => ({ ...one, offset: one.offset + (i >= from && i < until ? 8 : 0) }));

  test.each([
    ['from a record on', shifted(third), third, records.length - third],
    ['from the first record on', shifted(0), 0, records.length],
    ['of a few records', shifted(third, third + 3), third, 3],
    ['of one record', shifted(middle, middle + 1), middle, 1],
  ])('of another packing is refused: offsets %s', async (_, entries, first, wrong) => {
    tiny('rec', 'property');
    const end = readFileSync(join(folder.path, 'train.rec')).length;
    writeIndex(entries.filter(({ offset }) => offset < end));
    const beyond = entries.filter(({ offset }) => offset >= end).length;
    await expect(open()).rejects.toThrow(
      `${join(folder.path, 'train.idx')} does not fit the records: ${wrong - beyond} of its ${records.length - beyond} offsets are not the start of a record, the first is byte ${entries[first]?.offset} of key ${entries[first]?.key}; the index may be of another packing: remove it`,
    );
    rmSync(join(folder.path, 'train.idx'));
    expect((await open()).source.labels.length).toBe(expected.images);
  });

  test('that an earlier run stored a listing of is read again', async () => {
    tiny('rec', 'property');
    writeIndex(images);
    await open();
    writeIndex(shifted(5).slice(0, images.length));
    await expect(open()).rejects.toThrow('does not fit the records');
  });

  test('that lacks images leaves them out, and they are counted', async () => {
    tiny('rec', 'property');
    writeIndex(records.filter(({ key }) => key !== 2 && key !== expected.images));
    const { source, unlisted, lostCount } = await open();
    expect([source.labels.length, unlisted, lostCount]).toEqual([expected.images - 2, 2, 0]);
    expect((await open()).unlisted).toBe(2);
  });

  test('that ends before the records do leaves the others out, and they are counted', async () => {
    tiny('rec', 'idx', 'property');
    const file = join(folder.path, 'train.rec');
    const more = [0, 1].map((label) => frame(packImage({ label, id: 99, image: Buffer.alloc(8) })));
    writeFileSync(file, Buffer.concat([readFileSync(file), ...more]));
    expect((await open()).unlisted).toBe(2);
  });

  test('in another order lists the same images with the labels of their records', async () => {
    tiny('rec', 'property');
    const order = images.toReversed();
    writeIndex([...order.map(({ offset }, i) => ({ key: i + 1, offset })), ...records.slice(images.length)]);
    const { source, unlisted } = await open();
    expect([...source.labels]).toEqual(order.map(({ label }) => label));
    expect(unlisted).toBe(0);
  });

  test('whose keys of two identities are exchanged gives each image the label of its record', async () => {
    tiny('rec', 'property');
    const [a, b] = [images[1], images[images.length - 2]] as [(typeof images)[number], (typeof images)[number]];
    const keyOf = (key: number) => (key === a.key ? b.key : key === b.key ? a.key : key);
    writeIndex(records.map(({ key, offset }) => ({ key: keyOf(key), offset })));
    const { source } = await open();
    for (const [i, label] of source.labels.entries()) {
      const { offset } = source.locate(i);
      expect(label).toBe(images.find((image) => image.offset === offset)?.label);
    }
  });

  test('that gives a key twice is refused', async () => {
    tiny('rec', 'property');
    writeIndex(records.map(({ key, offset }) => ({ key: key === 4 ? 3 : key, offset })));
    await expect(open()).rejects.toThrow(`${join(folder.path, 'train.idx')} gives two records for key 3: remove`);
  });

  test('of Windows is read', async () => {
    tiny('rec', 'idx', 'property');
    const { source } = await open();
    writeFileSync(join(folder.path, 'train.idx'), records.map(({ key, offset }) => `${key}\t${offset}\r\n`).join(''));
    expect((await open()).source.fingerprint).toBe(source.fingerprint);
  });

  test('that is right about a damaged record is used: the record is named', async () => {
    tiny('rec', 'property');
    writeIndex(images);
    const file = join(folder.path, 'train.rec');
    const bytes = readFileSync(file);
    for (const i of [3, 4]) bytes.writeUInt32LE(0, images[i]?.offset as number);
    writeFileSync(file, bytes);
    const { source, lost } = await open();
    expect(source.labels.length).toBe(expected.images - 2);
    expect(lost.map(({ from, until }) => [from, until])).toEqual([[images[3]?.offset, images[5]?.offset]]);
  });
});

test('any few changed offsets of an index are found, or change no image', async () => {
  tiny('rec', 'property');
  const rec = readFileSync(join(folder.path, 'train.rec'));
  const source = bytesInMemory(rec);
  const offsets = expected.records.map(({ offset }) => offset);
  const starts = new Set(offsets);
  const keys = Float64Array.from(expected.records, ({ key }) => key);
  const changes = fc.array(fc.tuple(fc.nat(offsets.length - 1), fc.nat(rec.length / 4 - 1)), {
    minLength: 1,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(changes, async (given) => {
      const changed = Float64Array.from(offsets);
      for (const [i, word] of given) changed[i] = 4 * word;
      const content = { keys, offsets: changed };
      const wrong = changed.filter((offset) => !starts.has(offset)).length;
      const list = async () =>
        (await listByIdentities(source, source, content)) ??
        (await listByScan(source, { index: { path: 'x.idx', content }, refuse: (why) => new Error(why) }));
      if (wrong > 0) await expect(list()).rejects.toThrow(`${wrong} of its ${offsets.length} offsets`);
      else for (const offset of (await list()).offsets) expect(starts.has(offset)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('keys above 2^24, which float32 rounds, are recovered from the images', async () => {
  for (const base of [2 ** 24, 2 ** 25]) {
    // Identities of three images each from key `base` - 2 on, 100 of them.
    const start = (identity: number) => base - 2 + 3 * identity;
    const at = async (key: number) => ({ hasImage: true, label: Math.floor((key - start(0)) / 3) });
    for (let identity = 0; identity < 100; identity++) {
      expect(await exactKey(Math.fround(start(identity)), identity, start(100), at)).toBe(start(identity));
    }
    expect(await exactKey(Math.fround(start(100)), 100, start(100), at)).toBe(start(100));
    expect(await exactKey(Math.fround(start(50)), 70, start(100), at)).toBeUndefined();
  }
});

test('identity records that contradict the images are not used', async () => {
  const set = (ranges: readonly (readonly [number, number])[]) => {
    const image = Buffer.from('image');
    const records = [
      ...[0, 0, 1, 1, 1].map((label, i) => packImage({ label, id: i + 1, image })),
      ...ranges.map((range, i) => packImage({ label: range, id: i + 6 })),
      packImage({ label: [6, 8], id: 0, id2: 1 }),
    ].map(frame);
    const keys = [1, 2, 3, 4, 5, 6, 7, 0];
    const offsets = records.map((_, i) => Buffer.concat(records.slice(0, i)).length);
    const index = { keys: Float64Array.from(keys), offsets: Float64Array.from(offsets) };
    const source = bytesInMemory(Buffer.concat(records));
    return listByIdentities(source, source, index);
  };
  const good = await set([
    [1, 3],
    [3, 6],
  ]);
  expect(good?.labels).toEqual(Int32Array.of(0, 0, 1, 1, 1));
  for (const [first, second] of [
    [
      [1, 4],
      [4, 6],
    ],
    [
      [1, 3],
      [3, 5],
    ],
    [
      [3, 6],
      [1, 3],
    ],
  ] as const) {
    expect(await set([first, second])).toBeUndefined();
  }
});
