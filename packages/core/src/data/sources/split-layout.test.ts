import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { temporaryFolder } from '../../../test/temporary-folder';
import { twoClasses, writeFiles } from '../../../test/write-files';
import { openClassFolders } from './class-folders';
import { findSplits } from './split-layout';
import { likeRole, splitOf } from './split-names';

const folder = temporaryFolder();
const make = (...names: readonly string[]) => writeFiles(folder.path, ...names);
const makeSplits = (...names: readonly string[]) => make(...names.flatMap(twoClasses));
const notes = async () => (await openClassFolders(folder.path)).notes?.join('\n');

const trainNames = [
  'train',
  'Train',
  'TRAIN',
  'training',
  'Training',
  'TRAINING',
  'train_images',
  'train-set',
  'Training_Set',
];
const moreTrainNames = ['trainset', 'TrainImages', 'train images', 'train_data', 'trn', 'images_train', 'train.split'];
const testNames = [
  'val',
  'Val',
  'VAL',
  'valid',
  'Valid',
  'validation',
  'Validation',
  'test',
  'Test',
  'TEST',
  'testing',
];
const moreTestNames = [
  'Testing',
  'eval',
  'Evaluation',
  'dev',
  'test_set',
  'val_images',
  'test-images',
  'ValidationSet',
  'holdout',
];

test.each([...trainNames, ...moreTrainNames])('%s is the folder of training images', async (name) => {
  makeSplits(name, 'val');
  const { train, test } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['cat', 'dog']);
  expect([train.labels.length, test.labels.length]).toEqual([4, 4]);
  expect(train.locate(0).file).toBe(join(folder.path, name, 'cat/0.jpg'));
  if (name !== 'train') expect(await notes()).toBe(`${name} has the training images, and val the test images.`);
});

test.each([...testNames, ...moreTestNames])('%s is the folder of test images', async (name) => {
  makeSplits('train', name);
  const { test, testNote } = await openClassFolders(folder.path);
  expect([test.locate(0).file, testNote]).toEqual([join(folder.path, name, 'cat/0.jpg'), undefined]);
});

test.each([
  ['train2017', 'val2017'],
  ['seg_train', 'seg_test'],
  ['trainA', 'testA'],
  ['MyTrainPart', 'MyTestPart'],
  ['train_1', 'train_2', 'test_1'],
  ['train-00', 'train-01'],
])('%s and %s look like splits, and are no classes', async (...names) => {
  makeSplits(...names);
  await expect(openClassFolders(folder.path)).rejects.toThrow(
    /has the folders .*, which look like splits and not like classes, .*: rename them \(or make links\) to train and val/,
  );
});

test.each([
  [['Train', 'TRAIN', 'val'], 'TRAIN and Train, and both may be the training images'],
  [['train', 'Val', 'VAL'], 'VAL and Val, and both may be the test images'],
  [['train', 'val2017'], 'train, val2017, which look like splits and not like classes, but it is not clear which'],
  [['val', 'test'], 'none of them is called train'],
  [['Val'], 'the folder Val, which looks like a split'],
])('%j is refused', async (names, sentence) => {
  makeSplits(...names);
  await expect(openClassFolders(folder.path)).rejects.toThrow(sentence);
});

test('with both val and test, val has the test images, and a note says so', async () => {
  makeSplits('train', 'val', 'test', 'extra');
  const { test, notes } = await openClassFolders(folder.path);
  expect(test.locate(0).file).toContain('/val/');
  expect(notes).toEqual([
    'train has the training images, and val the test images.',
    `Not read: test, extra in ${folder.path}.`,
  ]);
});

test('a name in lower case comes before others, as it always did', async () => {
  makeSplits('train', 'Training', 'test', 'Val');
  const { train, test } = await openClassFolders(folder.path);
  expect(train.locate(0).file).toContain('/train/');
  expect(test.locate(0).file).toContain('/test/');
});

test.each([
  ['there is no folder of test images', []],
  ['test has pictures without class folders', ['test/1.jpg']],
])('without test images by class, a fifth of each class is tested on: %s', async (because, more) => {
  makeSplits('train');
  make(...more);
  const { train, test, testNote } = await openClassFolders(folder.path);
  expect(testNote).toBe(`a fifth of each class, as ${because}`);
  expect([train.labels.length, test.labels.length]).toEqual([2, 2]);
});

test('a folder around the data is entered, whatever lies beside it', async () => {
  makeSplits('imagenette2/train', 'imagenette2/val');
  make('__MACOSX/imagenette2/._x.jpg', '.DS_Store', 'README.txt', 'Thumbs.db', '.cache/1.jpg');
  const { train, notes } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['cat', 'dog']);
  expect(notes).toEqual([`The data are in ${folder.path}/imagenette2, as ${folder.path} holds no other folder.`]);
});

test('a folder around the classes of one split is entered', async () => {
  makeSplits('training_set/training_set', 'test_set/test_set', 'a/b');
  const { train, test } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['cat', 'dog']);
  expect(test.locate(3).file).toBe(join(folder.path, 'test_set/test_set/dog/1.jpg'));
});

test('a folder around plain classes is entered', async () => {
  makeSplits('PetImages');
  expect((await openClassFolders(folder.path)).train.classNames).toEqual(['cat', 'dog']);
});

test('classes may have the names of splits', async () => {
  make(...['car', 'train', 'bus'].flatMap((name) => [0, 1, 2].map((i) => `${name}/${i}.jpg`)));
  expect((await openClassFolders(folder.path)).train.classNames).toEqual(['bus', 'car', 'train']);
  expect(await notes()).toContain('train in');
  make('train station/0.jpg', 'train station/1.jpg', 'test tube/0.jpg', 'test tube/1.jpg');
  const { train } = await openClassFolders(folder.path);
  expect(train.classNames).toEqual(['bus', 'car', 'test tube', 'train', 'train station']);
});

test('names in which a split is only part of a word are classes', () => {
  for (const name of [
    'trainer',
    'contest',
    'invalid',
    'devil',
    'valley',
    'evaluate2',
    'latest',
    'strain',
    'person',
    'devon rex',
  ]) {
    expect([name, likeRole(name)]).toEqual([name, undefined]);
  }
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'o', 'Z', '_', '7', ' '), maxLength: 8 });
  fc.assert(
    fc.property(letters, (name) => {
      expect(likeRole(name)).toBeUndefined();
    }),
  );
});

test('every case of a known name is that split', () => {
  fc.assert(
    fc.property(fc.constantFrom(...trainNames, ...testNames), fc.infiniteStream(fc.boolean()), (name, upper) => {
      const varied = [...name]
        .map((letter) => (upper.next().value ? letter.toUpperCase() : letter.toLowerCase()))
        .join('');
      expect(splitOf(varied)?.role).toBe(trainNames.includes(name) ? 'train' : 'test');
    }),
  );
});

test.each([
  [
    'a split without anything',
    ['train/cat/0.jpg', 'val/'],
    'val is empty: put the pictures of each class in a folder, val/<class>/*.jpg; without this folder, a fifth',
  ],
  ['training images without classes', ['train/0.jpg', 'val/cat/0.jpg'], 'train has 1 picture, but no class folders'],
  ['both splits without classes', ['train/0.jpg', 'test/0.jpg'], 'train has 1 picture, but no class folders'],
  ['pictures alone', ['0.jpg', '1.jpg'], 'has 2 pictures, but no class folders: it should hold <class>/*.jpg'],
  [
    'nothing',
    ['.hidden/1.jpg', '__MACOSX/1.jpg'],
    'has no class folders: it should hold train/<class>/*.jpg and val/<class>/*.jpg.',
  ],
  ['an archive', ['cifar.tar.gz'], 'has no class folders, but the archive cifar.tar.gz: unpack it (mkdir '],
  ['a class without pictures', ['train/cat/0.jpg', 'train/dog/', 'val/cat/0.jpg'], 'has classes without images (.jpg'],
  [
    'a class without test images',
    ['train/cat/0.jpg', 'train/dog/0.jpg', 'val/cat/0.jpg'],
    'val lacks the folders of the classes dog.',
  ],
  [
    'a class without training images',
    ['train/cat/0.jpg', 'val/dog/0.jpg', 'val/cat/0.jpg'],
    'are not classes of the training images: dog.',
  ],
])('%s: one sentence', async (_, names, sentence) => {
  make(...names);
  await expect(openClassFolders(folder.path)).rejects.toThrow(sentence);
});

test('pictures of no class and of other formats are mentioned', async () => {
  makeSplits('train', 'val');
  make('1.jpg', 'train/2.jpg', 'train/cat/3.gif', 'train/cat/4.heic');
  expect(await notes()).toBe(
    [
      `1 picture in ${folder.path} itself: of no class, and not read.`,
      `1 picture in ${folder.path}/train itself: of no class, and not read.`,
      `Pictures of other formats in ${folder.path}/train are not read: 1 .gif, 1 .heic.`,
    ].join('\n'),
  );
});

test('folders that hold the same folders are mentioned', async () => {
  makeSplits('part1', 'part2');
  expect(await notes()).toContain('part1, part2 hold folders of the same names (cat, dog)');
});

test('splits may be links', () => {
  makeSplits('elsewhere/a', 'elsewhere/b', 'data/x');
  symlinkSync(join(folder.path, 'elsewhere/a'), join(folder.path, 'data/TRAIN'));
  symlinkSync(join(folder.path, 'elsewhere/b'), join(folder.path, 'data/Test'));
  expect(findSplits(join(folder.path, 'data'))).toMatchObject({ train: 'TRAIN', test: 'Test' });
});

test('a file instead of the folder is named, an archive with the command that unpacks it', async () => {
  make('notes.txt', 'my data.zip');
  await expect(openClassFolders(join(folder.path, 'notes.txt'))).rejects.toThrow(
    'notes.txt is a file and not a folder',
  );
  await expect(openClassFolders(join(folder.path, 'my data.zip'))).rejects.toThrow(
    `is an archive and not a folder: unpack it (unzip '${folder.path}/my data.zip' -d '${folder.path}/my data')`,
  );
});

test('Tiny ImageNet is read as it is distributed', async () => {
  make('tiny-imagenet-200/train/n02/images/n02_0.JPEG', 'tiny-imagenet-200/train/n01/images/n01_0.JPEG');
  make(
    'tiny-imagenet-200/val/images/val_0.JPEG',
    'tiny-imagenet-200/val/images/val_1.JPEG',
    'tiny-imagenet-200/test/images/test_0.JPEG',
  );
  make('tiny-imagenet-200/wnids.txt');
  const list = join(folder.path, 'tiny-imagenet-200/val/val_annotations.txt');
  writeFileSync(list, 'val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t52\t55\t57\t59\n');
  const { train, test } = await openClassFolders(folder.path);
  expect([train.classNames, Array.from(test.labels)]).toEqual([
    ['n01', 'n02'],
    [1, 0],
  ]);
  expect(test.locate(1).file).toContain('val/images/val_1.JPEG');
  for (const [content, sentence] of [
    ['val_0.JPEG\tn02\n', 'val/images/val_1.JPEG is not in val_annotations.txt'],
    ['val_0.JPEG\tn02\nval_1.JPEG\tn03\n', 'val_1.JPEG is of class n03, which the training images lack'],
    [
      'val_0.JPEG\tn02\nval_1.JPEG\tn01\nval_2.JPEG\tn01\n',
      'lacks 1 of the 3 images in val_annotations.txt; the first is val_2.JPEG',
    ],
    ['val_0.JPEG\n', "its line 1 is 'val_0.JPEG' instead of"],
    ['', 'it is empty'],
  ] as const) {
    writeFileSync(list, content);
    await expect(openClassFolders(folder.path)).rejects.toThrow(sentence);
  }
});
