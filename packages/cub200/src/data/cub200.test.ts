import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkPictures } from '@headshare/core/data/pipeline/check-pictures';
import { UserError } from '@headshare/core/system/user-error';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import fc from 'fast-check';
import { openCub200 } from './cub200';
import { type CubTables, joinTables } from './cub200-tables';
import { writeCub200Example } from './example-cub200';

const folder = temporaryFolder();

test('files are joined by id and not by line, and images are in the order of their ids', async () => {
  const root = await writeCub200Example(folder.path);
  const { train, test } = await openCub200(folder.path);
  expect(train.classNames).toEqual(['001.Example_Finch', '002.Example_Gull', '003.Example_Wren']);
  expect(Array.from(train.labels)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  expect(Array.from(test.labels)).toEqual([0, 0, 1, 1, 2, 2]);
  expect(relative(root, test.locate(3).file)).toBe('images/002.Example_Gull/Example_Gull_0004.jpg');
  expect(test.locate(3).box).toBeUndefined();
  for (const file of ['image_class_labels.txt', 'train_test_split.txt', 'images.txt', 'classes.txt']) {
    const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n');
    writeFileSync(join(root, file), lines.reverse().join('\r\n'));
  }
  expect((await openCub200(root)).test.fingerprint).toBe(test.fingerprint);
});

test('boxes are in whole pixels from 0 on, and change the fingerprint', async () => {
  const root = await writeCub200Example(folder.path);
  const boxes = readFileSync(join(root, 'bounding_boxes.txt'), 'utf8');
  writeFileSync(join(root, 'bounding_boxes.txt'), boxes.replace('1 5.0 4.0 40.0 30.0', '1 -0.6 3.5 20.25 10.0'));
  const { train } = await openCub200(folder.path, { crop: true });
  expect(train.locate(0).box).toEqual([0, 4, 20, 10]);
  expect(train.locate(1).box).toEqual([6, 4, 40, 30]);
  expect(train.fingerprint).not.toBe((await openCub200(folder.path)).train.fingerprint);
});

test('a box of zero area is an error that names box and picture', async () => {
  const root = await writeCub200Example(folder.path);
  const file = join(root, 'bounding_boxes.txt');
  writeFileSync(file, readFileSync(file, 'utf8').replace('1 5.0 4.0 40.0 30.0', '1 5.0 4.0 40.0 0.0'));
  const { train } = await openCub200(folder.path, { crop: true });
  expect(await checkPictures(train, [0, 1], { whole: true })).toEqual([
    {
      index: 0,
      place: train.locate(0).file,
      problem: expect.stringMatching(/^its box 5, 4, 40 x 0 has no area within the picture of \d+ x \d+ pixels$/),
    },
  ]);
});

test('missing and contradictory lines and files are named', async () => {
  await expect(openCub200(folder.path)).rejects.toThrow(`${folder.path} has no CUB-200-2011: unpack CUB_200_2011.tgz`);
  const root = await writeCub200Example(folder.path);
  const tampered = async (file: string, from: string, to: string) => {
    const path = join(root, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, before.replace(from, to));
    const error: Error = await openCub200(folder.path, { crop: true }).then(
      () => new Error('it was read'),
      (refusal) => refusal,
    );
    writeFileSync(path, before);
    return error.message.replace(`${root}/`, '');
  };
  expect(await tampered('image_class_labels.txt', '2 1\n', '')).toBe(
    'image_class_labels.txt lacks image 2 of images.txt.',
  );
  expect(await tampered('train_test_split.txt', '15 0\n', '15 0\n16 1\n')).toBe(
    'train_test_split.txt has image 16, which images.txt lacks.',
  );
  expect(await tampered('image_class_labels.txt', '2 1\n', '2 9\n')).toBe(
    'image_class_labels.txt gives image 2 the class 9, which classes.txt lacks.',
  );
  expect(await tampered('train_test_split.txt', '4 0', '4 2')).toBe(
    "train_test_split.txt, line 4: '4 2' should be '<image id> <1 or 0>'.",
  );
  expect(await tampered('images.txt', '3 001', '2 001')).toBe('images.txt, line 3: the id 2 occurs a second time.');
  expect(await tampered('images.txt', '001.Example_Finch/', '../')).toContain('images.txt, line 1:');
  expect(await tampered('bounding_boxes.txt', '30.0', '-1.0')).toContain('bounding_boxes.txt, line 1:');
  rmSync(join(root, 'images/003.Example_Wren/Example_Wren_0001.jpg'));
  await expect(openCub200(folder.path)).rejects.toThrow(
    'images lacks 1 of the images of images.txt: 003.Example_Wren/Example_Wren_0001.jpg.',
  );
  rmSync(join(root, 'classes.txt'));
  await expect(openCub200(folder.path)).rejects.toThrow(`${root} lacks classes.txt`);
});

test.each([
  ['1.4 2.6 3.0 4.0', [1, 3, 3, 4]],
  ['-5.0 -1.0 8.0 4.0', [0, 0, 3, 3]],
  ['0.0 0.0 0.2 0.2', [0, 0, 1, 1]],
  ['5.0 4.0 0.0 30.0', [5, 4, 0, 30]],
  ['5 4 3 0', [5, 4, 3, 0]],
  ['-9.0 2.0 4.0 4.0', [-9, 2, 4, 4]],
])('the box %s in whole pixels, with its place where it lies outside its picture', (text, box) => {
  const tables: CubTables = {
    classes: '1 a\n',
    images: '1 a/1.jpg\n2 a/2.jpg\n',
    labels: '1 1\n2 1\n',
    split: '1 1\n2 0\n',
    boxes: `1 ${text}\n2 1 2 3 4\n`,
  };
  expect(joinTables(tables, 'cub').entries[0]?.box).toEqual(box);
});

test('lines of any kind are read or cause a UserError', () => {
  const good: CubTables = {
    classes: '1 a\n2 b\n',
    images: '1 a/1.jpg\n2 b/1.jpg\n3 a/2.jpg\n4 b/2.jpg\n',
    labels: '1 1\n2 2\n3 1\n4 2\n',
    split: '1 1\n2 1\n3 0\n4 0\n',
    boxes: '1 1.0 2.0 3.0 4.0\n2 1 2 3 4\n3 1 2 3 4\n4 1 2 3 4',
  };
  expect(joinTables(good, 'cub').entries.map(({ label, train }) => [label, train])).toEqual([
    [0, true],
    [1, true],
    [0, false],
    [1, false],
  ]);
  const piece = fc.oneof(
    fc.constantFrom('1', '2', '99', ' ', '\n', '\r\n', '-1', '1e9', 'a/1.jpg', '../x', '\0', '0.5', 'NaN'),
    fc.string(),
  );
  const tables: fc.Arbitrary<keyof CubTables> = fc.constantFrom('classes', 'images', 'labels', 'split', 'boxes');
  let refused = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(tables, fc.nat(60), fc.nat(3), piece), { minLength: 1, maxLength: 3 }), (edits) => {
      const changed: Record<keyof CubTables, string> = { boxes: '', ...good };
      for (const [name, at, remove, text] of edits) {
        changed[name] = changed[name].slice(0, at) + text + changed[name].slice(at + remove);
      }
      try {
        const { classNames, entries } = joinTables(changed, 'cub');
        for (const { label, box } of entries) {
          expect(classNames[label]).toBeDefined();
          expect(box?.every(Number.isInteger)).toBe(true);
          expect(box?.[2]).toBeGreaterThanOrEqual(0);
          expect(box?.[3]).toBeGreaterThanOrEqual(0);
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
  expect(refused).toBeGreaterThan(1000);
});
