import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import { refusal } from '@headshare/core/weights/refusal';
import fc from 'fast-check';
import { exampleIds, exampleTruth, writeImageNetExample } from './example-imagenet';
import { openImageNet } from './imagenet';
import { readMatFile } from './mat-file';
import { parseGroundTruth, parseSolution, parseWordNetIds, wordNetIds } from './validation-labels';

const folder = temporaryFolder();
const kit = 'ILSVRC2012_devkit_t12/data';
const fixtures = join(__dirname, '../../fixtures');
const sorted = [...exampleIds].sort();
const truth = Array.from({ length: 6 }, (_, i) =>
  sorted.indexOf(exampleIds[exampleTruth(i)] as (typeof exampleIds)[number]),
);

test.each([true, false])(
  'labels are indices of sorted WordNet ids, not numbers of the development kit (compressed table: %p)',
  async (compress) => {
    await writeImageNetExample(folder.path, { compress });
    const { train, test } = await openImageNet(folder.path);
    expect(train.classNames).toEqual(['n01440764', 'n02119789', 'n03018349']);
    expect(Array.from(train.labels)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(basename(train.locate(0).file)).toBe('n01440764_12.JPEG');
    expect(Array.from(test.labels)).toEqual(truth);
    expect(basename(test.locate(5).file)).toBe('ILSVRC2012_val_00000006.JPEG');
  },
);

test("Kaggle's list, a list of ids by image, and a list of ids by number give the same labels", async () => {
  await writeImageNetExample(folder.path);
  const { test } = await openImageNet(folder.path);
  rmSync(join(folder.path, kit, 'meta.mat'));
  writeFileSync(join(folder.path, kit, 'ILSVRC2012_ids.txt'), `${exampleIds.join(' tench\n')}\n`);
  expect((await openImageNet(folder.path)).test.fingerprint).toBe(test.fingerprint);
  rmSync(join(folder.path, kit), { recursive: true });
  const ids = Array.from({ length: 6 }, (_, i) => exampleIds[exampleTruth(i)]);
  writeFileSync(join(folder.path, 'imagenet_2012_validation_synset_labels.txt'), ids.join('\r\n'));
  expect((await openImageNet(folder.path)).test.fingerprint).toBe(test.fingerprint);
  rmSync(join(folder.path, 'imagenet_2012_validation_synset_labels.txt'));
  const lines = ids.map((id, i) => `ILSVRC2012_val_0000000${i + 1},${id} 85 1 499 272`).reverse();
  // The layout of Kaggle's archive.
  mkdirSync(join(folder.path, 'ILSVRC/Data/CLS-LOC'), { recursive: true });
  for (const part of ['train', 'val'])
    renameSync(join(folder.path, part), join(folder.path, 'ILSVRC/Data/CLS-LOC', part));
  writeFileSync(join(folder.path, 'LOC_val_solution.csv'), `ImageId,PredictionString\n${lines.join('\n')}\n`);
  expect((await openImageNet(folder.path)).test.fingerprint).toBe(test.fingerprint);
});

test('validation images by class have the same labels', async () => {
  await writeImageNetExample(folder.path, { validation: 'by-class' });
  const { test } = await openImageNet(folder.path);
  const byName = Array.from(test.labels, (label, i) => [basename(test.locate(i).file), label] as const).sort();
  expect(byName.map(([, label]) => label)).toEqual(truth);
});

test.each(['meta.mat', 'meta-plain.mat'])('%s, written by SciPy, is read', async (file) => {
  await writeImageNetExample(folder.path);
  copyFileSync(join(fixtures, file), join(folder.path, kit, 'meta.mat'));
  const { test } = await openImageNet(folder.path);
  expect(Array.from(test.labels)).toEqual(truth);
});

test('missing files are named', async () => {
  await expect(openImageNet(folder.path)).rejects.toThrow('has no ImageNet: it should hold train/<wnid>/*.JPEG');
  await writeImageNetExample(folder.path);
  rmSync(join(folder.path, 'val/ILSVRC2012_val_00000002.JPEG'));
  await expect(openImageNet(folder.path)).rejects.toThrow(
    'val has only 5 of the 6 images with labels; the first missing one is ILSVRC2012_val_00000002',
  );
  await writeImageNetExample(folder.path);
  rmSync(join(folder.path, kit, 'meta.mat'));
  await expect(openImageNet(folder.path)).rejects.toThrow(
    'put meta.mat of the development kit beside it, or ILSVRC2012_ids.txt',
  );
  rmSync(join(folder.path, kit), { recursive: true });
  await expect(openImageNet(folder.path)).rejects.toThrow(
    'no list of their classes: put ILSVRC2012_validation_ground_truth.txt and meta.mat',
  );
  await writeImageNetExample(folder.path);
  writeFileSync(join(folder.path, 'val/other.jpg'), 'x');
  await expect(openImageNet(folder.path)).rejects.toThrow('val/other.jpg is not a validation image with a label');
  rmSync(join(folder.path, 'val/other.jpg'));
  rmSync(join(folder.path, 'train/n01440764'), { recursive: true });
  await expect(openImageNet(folder.path)).rejects.toThrow(
    `classes without a folder in ${folder.path}/train: n01440764.`,
  );
});

const options = { seed: 1, numRuns: 3000 };

/** Whether it was refused. @throws for any other error than a UserError */
function refused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return true;
  }
}

test('tables of any bytes are read or cause a UserError', () => {
  const refuse = refusal('meta.mat', 'a table');
  const good = readFileSync(join(fixtures, 'meta-plain.mat'));
  let count = 0;
  const edit = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc.constantFrom(0, 1, 14, 15, 0x7fffffff, 0xffffffff).map((n) => Uint8Array.of(n, n >>> 8, n >>> 16, n >>> 24)),
    ),
  );
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.boolean(), (edits, cut) => {
      const bytes = Buffer.from(good);
      for (const [at, given] of edits) {
        const place = 116 + Math.floor(at * (bytes.length - 124));
        bytes.set(given.subarray(0, bytes.length - place), place);
      }
      const whole = cut ? bytes.subarray(0, Math.floor((edits[0]?.[0] ?? 0) * bytes.length)) : bytes;
      if (refused(() => wordNetIds(readMatFile(whole, refuse), refuse))) count++;
    }),
    options,
  );
  expect(count).toBeGreaterThan(1000);
});

test('lists of any lines are read or cause a UserError', () => {
  const refuse = refusal('list', 'a list');
  const classes = new Map([[1, 'n01440764']]);
  const line = fc.oneof(
    fc.constantFrom('1', '2', '', 'n01440764', 'ILSVRC2012_val_00000001,n01440764 1', '\r', '-1'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.join('\n');
      for (const parse of [parseSolution, parseWordNetIds] as const) refused(() => parse(text, refuse));
      refused(() => parseGroundTruth(text, classes, refuse));
    }),
    options,
  );
});
