import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@headshare/core/test/temporary-folder';
import { faceCase, faceCaseJson } from '../test/face-cases';
import { writeFacesExample } from './data/example/example-faces';
import { writeIjbExample } from './data/example/example-ijb';
import { openTrainingRecords } from './data/training-records/training-records';
import { openVerificationSets } from './data/verification-sets/find-sets';
import { countPairs } from './data/verification-sets/verification-set';
import { main } from './data-main';

const folder = temporaryFolder();

async function run(...argv: string[]) {
  const lines: string[] = [];
  return { exitCode: await main(argv, (line) => lines.push(line)), text: lines.join('\n') };
}

test('an example has the published layout and passes the check', async () => {
  await writeFacesExample(folder.path, { identities: 3, imagesPerIdentity: 2, sets: ['lfw'], pairs: 10 });
  expect(readFileSync(join(folder.path, 'property'), 'utf8')).toBe('3,112,112');
  const lines = readFileSync(join(folder.path, 'train.idx'), 'utf8').split('\n');
  expect(lines.map((line) => line.split('\t')[0])).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '']);
  const { source } = await openTrainingRecords(folder.path);
  expect([...source.labels]).toEqual([0, 0, 1, 1, 2, 2]);
  const [lfw] = await openVerificationSets(folder.path);
  expect(lfw && countPairs(lfw.pairs)).toEqual({ pairs: 20, same: 10 });
  const { exitCode, text } = await run('check', `--data=${folder.path}`, '--whole');
  expect(text).toMatch(/train +6 .* 3 +2 +2/);
  expect(text).toContain('3 identities, 6 images of 112 x 112.');
  expect(text).toContain('lfw: 20 pairs in 10 folds, 10 of the same person (the published set has 6000 pairs).');
  expect(text).toContain('Decoded 46 images: 0 cannot be read.');
  expect(exitCode).toBe(0);
});

test('an example of IJB-C passes the check, and a missing image fails it', async () => {
  await writeIjbExample(folder.path, { people: 2, images: 2 });
  const lines = (name: string) =>
    readFileSync(join(folder.path, 'IJBC/meta', `ijbc_${name}.txt`), 'utf8')
      .trimEnd()
      .split('\n');
  expect(lines('face_tid_mid').slice(0, 3)).toEqual(['1.jpg 1 100', '2.jpg 1 100', '3.jpg 4 102']);
  expect(lines('template_pair_label')).toEqual(['1 4 1', '1 7 0', '1 10 0', '4 7 0', '4 10 0', '7 10 1']);
  const points = lines('name_5pts_score').map((line) => line.split(' '));
  expect(points.map((words) => words.length)).toEqual(Array(8).fill(12));
  expect(readdirSync(join(folder.path, 'IJBC/loose_crop'))).toHaveLength(8);
  const whole = await run('check', `--data=${folder.path}`);
  expect(whole.text).toContain('IJB-C: 8 images, 4 templates, 6 pairs, 2 of them of one person.');
  expect(whole.exitCode).toBe(0);
  writeFileSync(join(folder.path, 'IJBC/loose_crop/4.jpg'), 'no picture');
  const damaged = await run('check', `--data=${folder.path}`, '--whole');
  expect(damaged.text).toMatch(/Decoded 8 images: 1 cannot be read.\n.*IJBC\/loose_crop\/4.jpg/);
  expect(damaged.exitCode).toBe(1);
  rmSync(join(folder.path, 'IJBC/loose_crop/3.jpg'));
  const lacking = await run('check', `--data=${folder.path}`);
  expect(lacking.text).toMatch(/1 of 8 images of IJB-C cannot be used: .*3.jpg: it is missing/);
  expect(lacking.exitCode).toBe(1);
});

test('damaged and missing files are listed', async () => {
  const bytes = readFileSync(faceCase('rec/tiny.rec'));
  const { images, records } = faceCaseJson<{ images: number; records: { offset: number }[] }>('rec/tiny.expected.json');
  const [from, until] = [records[1]?.offset ?? 0, records[2]?.offset ?? 0];
  bytes.fill(0, from, from + 4);
  writeFileSync(join(folder.path, 'train.rec'), bytes);
  const { exitCode, text } = await run('check', `--data=${folder.path}`);
  expect(exitCode).toBe(1);
  expect(text).toContain('There is no .idx');
  expect(text).toContain('There is no file property');
  expect(text).toContain('There are no verification sets (lfw.bin ...)');
  expect(text).toContain(`1 records cannot be read:\n  bytes ${from} to ${until - 1}: it does not begin like a record`);
  expect(text).toContain(`Then: npx nx run face:data -- check --kind=ms1m --data=${folder.path}`);
  copyFileSync(faceCase('rec/tiny.idx'), join(folder.path, 'train.idx'));
  const indexed = await run('check', `--data=${folder.path}`);
  expect(indexed.text).toContain(
    `${images} images: 1 cannot be read.\n  ${join(folder.path, 'train.rec')} at byte ${from}: `,
  );
  rmSync(join(folder.path, 'train.rec'));
  expect((await run('check', `--data=${join(folder.path, 'none')}`)).text).toContain('train.rec, train.idx, property');
});

test('verification sets alone and folders by identity pass the check', async () => {
  copyFileSync(faceCase('bin/tiny_py2_str.bin'), join(folder.path, 'lfw.bin'));
  const { issame } = faceCaseJson<{ issame: readonly number[] }>('bin/expected.json');
  const sets = await run('check', `--data=${folder.path}`, '--sample=4');
  expect(sets.text).toContain(
    `lfw: ${issame.length} pairs in 10 folds, ${issame.filter((same) => same === 1).length} of the same person (the published set has 6000 pairs).\nLooked into the headers of 4 images`,
  );
  expect(sets.exitCode).toBe(0);
  const out = join(folder.path, 'faces');
  mkdirSync(out);
  await run('example', '--kind=folder', `--out=${out}`);
  const faces = await run('check', `--data=${out}`);
  expect(faces.text).toMatch(/train +15 .* 3 +5 +5/);
  expect(faces.exitCode).toBe(0);
});
