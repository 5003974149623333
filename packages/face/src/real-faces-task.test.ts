import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeClassFolders } from '@headshare/core/data/example/class-folders';
import { mirror } from '@headshare/core/data/loading/augmented';
import { unreadableReport } from '@headshare/core/recipes/unreadable';
import { type ImageSize, sides } from '@headshare/core/system/image-size';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import type { Inference } from '@headshare/core/train/evaluation/inference';
import { faceCase, faceCaseJson } from '../test/face-cases';
import { main } from './data-main';
import { type DataValues, dataOptions } from './options';
import { setMetrics } from './real-faces-task';
import { verificationTask } from './verification-task';

const folder = temporaryFolder();

/** Instead of a network: the embedding is the colours of the corners and the middle. */
const colours: Inference = {
  async embed(images) {
    const { height, width } = sides(images.size);
    const { labels } = images;
    const row = width * 3;
    const places = [0, row - 3, (height * row) / 2 + row / 2, (height - 1) * row, height * row - 3].map(Math.floor);
    const [embeddings, flipped] = [new Float32Array(labels.length * 5), new Float32Array(labels.length * 5)];
    const pixels = new Uint8Array(height * row);
    for (let i = 0; i < labels.length; i++) {
      await images.read([i], pixels);
      for (const [k, at] of places.entries()) {
        embeddings[5 * i + k] = (pixels[at] as number) + 1;
        flipped[5 * i + k] = 256 - (pixels[at] as number);
      }
    }
    return { embeddings, flipped: embeddings.slice(), dimension: 5 };
  },
  async embedEach() {},
  async classify() {},
};

const values = (given: Partial<DataValues>): DataValues => {
  const defaults = Object.entries(dataOptions).map(([name, option]) => [name, option.default]);
  return {
    ...Object.fromEntries(defaults),
    identities: undefined,
    imageSize: undefined,
    identityDraw: undefined,
    data: folder.path,
    ...given,
  };
};

function records() {
  copyFileSync(faceCase('rec/tiny.rec'), join(folder.path, 'train.rec'));
  copyFileSync(faceCase('rec/tiny.idx'), join(folder.path, 'train.idx'));
  copyFileSync(faceCase('rec/tiny.property'), join(folder.path, 'property'));
}

function sets(at = folder.path) {
  copyFileSync(faceCase('bin/tiny_py2_str.bin'), join(at, 'lfw.bin'));
  copyFileSync(faceCase('bin/tiny_np2_ndarray_p5.bin'), join(at, 'cfp_fp.bin'));
}

test('training on records is evaluated on each verification set and by their mean', async () => {
  records();
  sets();
  const task = await verificationTask(values({ dataset: 'ms1m', identities: 5 }));
  expect([task.train.size, task.train.classes, task.selectBy]).toEqual([112, 5, 'accuracy']);
  expect(task.reads?.map(({ images, use, from }) => [images.name, use, from])).toEqual([
    [task.train.name, 'training', folder.path],
    ['cfp_fp', 'evaluation', join(folder.path, 'cfp_fp.bin')],
    ['lfw', 'evaluation', join(folder.path, 'lfw.bin')],
  ]);
  const metrics = await task.evaluate(colours);
  expect(Object.keys(metrics)).toEqual(
    expect.arrayContaining(['accuracy', 'auc', 'lfw/accuracy', 'cfp_fp/accuracy', 'lfw/val_at_far_1e-3', 'xnorm']),
  );
  // The same images in two encodings.
  expect(metrics.accuracy).toBe(metrics['lfw/accuracy']);
  expect(metrics['cfp_fp/auc']).toBe(metrics['lfw/auc']);
  const out = join(folder.path, 'stage');
  mkdirSync(out);
  const left = await (await task.finish(colours, colours))(out);
  expect(left).toEqual(expect.arrayContaining(['verification.md', 'verification.csv', 'verification-det.png']));
  expect(left.map((file) => existsSync(join(out, file)))).not.toContain(false);
  const table = readFileSync(join(out, 'verification.md'), 'utf8');
  const { pairs } = faceCaseJson<{ pairs: number }>('bin/expected.json');
  expect(table.split('\n').filter((line) => line.includes(`| ${pairs} |`))).toHaveLength(2);
  expect(task.compareWithTeacher(out, out).cross_accuracy).toBe(metrics['cfp_fp/accuracy']);
  await task.close();
});

test('training says which records are not used, as the check does', async () => {
  sets();
  records();
  const lines = readFileSync(join(folder.path, 'train.idx'), 'utf8').split('\n');
  writeFileSync(join(folder.path, 'train.idx'), lines.slice(2).join('\n'));
  const task = await verificationTask(values({ dataset: 'ms1m' }));
  await task.close();
  const said = `2 images of ${join(folder.path, 'train.rec')} are not in its .idx and are not used`;
  expect(task.notes?.join('\n')).toContain(said);
  const checked: string[] = [];
  await main(['check', `--data=${folder.path}`], (line) => checked.push(line));
  expect(checked.join('\n')).toContain(said);
});

test('damaged records are counted, and are an error above --unreadable-share', async () => {
  sets();
  const { images, records: all } = faceCaseJson<{ images: number; records: { offset: number }[] }>(
    'rec/tiny.expected.json',
  );
  const bytes = readFileSync(faceCase('rec/tiny.rec'));
  bytes.writeUInt32LE(0, all[3]?.offset as number);
  writeFileSync(join(folder.path, 'train.rec'), bytes);
  const open = (unreadableShare: number) => verificationTask(values({ dataset: 'ms1m', unreadableShare }));
  await expect(open(0.01)).rejects.toThrow(
    `1 of the ${images} records of ${join(folder.path, 'train.rec')} cannot be read, more than --unreadable-share=0.01 allows: bytes ${all[3]?.offset} to `,
  );
  const task = await open(0.5);
  await task.close();
  expect(task.notes?.[0]).toMatch(/^1 of the \d+ records of .*train.rec cannot be read: bytes \d+ to \d+ \(it does/);
  expect(unreadableReport(task)).toMatchObject({ metrics: { 'unreadable/record': 1 }, files: [] });
  expect(unreadableReport(task).note).toMatch(/^; 1 of \d+ records of .* cannot be read and were left out$/);
});

test('with --image-size=112x96 networks see aligned faces without 8 columns on either side', async () => {
  records();
  sets();
  const options = values({ dataset: 'ms1m' });
  const [whole, narrow] = [
    await verificationTask(options),
    await verificationTask({ ...options, imageSize: '112x96' }),
  ];
  expect(narrow.train.size).toBe('112x96');
  const cut = (image: Uint8Array) =>
    Array.from({ length: 112 }, (_, y) => image.subarray((y * 112 + 8) * 3, (y * 112 + 104) * 3));
  for (const key of [undefined, { seed: 1, epoch: 0 }]) {
    const [square, rectangle] = [new Uint8Array(112 * 112 * 3), new Uint8Array(112 * 96 * 3)];
    // Flips are drawn after crops, of which a narrow one draws more numbers.
    await whole.train.read([3], square);
    await narrow.train.read([3], rectangle, key);
    const straight = Buffer.concat(cut(square));
    mirror(square, { height: 112, width: 112 });
    expect([straight, Buffer.concat(cut(square))].some((one) => one.equals(rectangle))).toBe(true);
  }
  const sizes: ImageSize[] = [];
  await narrow.evaluate({
    ...colours,
    embed(images) {
      sizes.push(images.size);
      return colours.embed(images);
    },
  });
  expect(sizes).toEqual(['112x96', '112x96']);
  await Promise.all([whole.close(), narrow.close()]);
});

test('a property file may state unequal sides', async () => {
  records();
  sets();
  const { identities } = faceCaseJson<{ identities: number }>('rec/tiny.expected.json');
  writeFileSync(join(folder.path, 'property'), `${identities},112,96`);
  const task = await verificationTask(values({ dataset: 'ms1m' }));
  expect(task.train.size).toBe('112x96');
  await task.close();
});

test('folders of identities, with verification sets elsewhere, one of which selects the best epoch', async () => {
  const data = join(folder.path, 'faces');
  await writeClassFolders(data, { classNames: ['ann', 'bo', 'cy'], images: 2, path: (name, i) => `${name}/${i}.jpg` });
  const verification = join(folder.path, 'sets');
  mkdirSync(verification);
  sets(verification);
  const given = values({ dataset: 'folder', data, verification, selectBy: 'lfw', identities: 2, identityDraw: 1 });
  const task = await verificationTask(given);
  expect([task.train.classes, [...task.train.labels], task.selectBy]).toEqual([2, [0, 0, 1, 1], 'lfw/accuracy']);
  const pixels = new Uint8Array(112 * 112 * 3);
  await task.train.read([3], pixels, { seed: 1, epoch: 0 });
  expect(pixels.some((value) => value > 0)).toBe(true);
  await task.close();
});

test('missing data is an error that names it', async () => {
  records();
  const open = async (given: Partial<DataValues>) => verificationTask(values({ dataset: 'ms1m', ...given }));
  await expect(open({})).rejects.toThrow(`${folder.path} has no verification sets: *.bin`);
  sets();
  await expect(open({ selectBy: 'lwf' })).rejects.toThrow("has no set 'lwf' (valid: mean, cfp_fp, lfw)");
  await expect(open({ dataset: 'folder', data: join(folder.path, 'none'), verification: folder.path })).rejects.toThrow(
    'none',
  );
});

test('the mean is over metrics that all sets have', () => {
  const bySet = new Map([
    ['a', { accuracy: 0.5, auc: 0.25, eer: 1 }],
    ['b', { accuracy: 1, auc: 0.75 }],
  ]);
  expect(setMetrics(bySet as never)).toEqual({
    accuracy: 0.75,
    auc: 0.5,
    'a/accuracy': 0.5,
    'a/auc': 0.25,
    'a/eer': 1,
    'b/accuracy': 1,
    'b/auc': 0.75,
  });
});
