import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../../test/tiny-training';
import { classReport } from './class-report';
import { drawClassReport } from './draw-class-report';
import { agreement, readPredictions, writePredictions } from './predictions';

afterAll(removeTemporaryFolders);

const labels = Int32Array.of(0, 0, 0, 0, 2, 1);
const predicted = Int32Array.of(0, 1, 2, 2, 0, 1);

test('classes are sorted by label, mistakes by frequency', () => {
  const worst = { label: 0, predicted: 2, count: 2, share: 0.5 };
  expect(classReport(labels, predicted, 4)).toEqual({
    classes: [
      { label: 0, images: 4, top1: 0.25, mistaken: worst },
      { label: 1, images: 1, top1: 1, mistaken: undefined },
      { label: 2, images: 1, top1: 0, mistaken: { label: 2, predicted: 0, count: 1, share: 1 } },
      { label: 3, images: 0, top1: undefined, mistaken: undefined },
    ],
    pairs: [worst, { label: 0, predicted: 1, count: 1, share: 0.25 }, { label: 2, predicted: 0, count: 1, share: 1 }],
  });
});

test('tables and pictures use class names', async () => {
  const folder = temporaryFolder();
  const names = ['finch, house', 'gull', 'wren', 'owl'];
  const files = await drawClassReport(classReport(labels, predicted, 4), (label) => names[label] as string, folder);
  expect(files).toEqual(['per-class.csv', 'confusions.csv', 'worst-classes.png', 'confusions.png']);
  expect(readFileSync(join(folder, 'per-class.csv'), 'utf8').split('\r\n')).toEqual([
    'class,name,images,top1,most often taken for,times',
    '0,"finch, house",4,0.25,wren,2',
    '1,gull,1,1,,',
    '2,wren,1,0,"finch, house",1',
    '3,owl,0,,,',
    '',
  ]);
  expect(readFileSync(join(folder, 'confusions.csv'), 'utf8')).toContain('"finch, house",wren,2,0.5\r\n');
  expect(readdirSync(folder).sort()).toEqual([...files].sort());
});

test('a network without mistakes has no picture of mistakes', async () => {
  const files = await drawClassReport(classReport(labels, labels, 3), String, temporaryFolder());
  expect(files).not.toContain('confusions.png');
});

test('predictions are saved exactly; predictions for other images are refused', () => {
  const folder = temporaryFolder();
  const saved = { predicted: Int32Array.of(0, 999, 3), confidence: Float32Array.of(0.1, 0.5, 1) };
  writePredictions(folder, saved);
  const name = 'images';
  expect(readPredictions(folder, { name, labels: new Int32Array(3) })).toEqual(saved);
  expect(() => readPredictions(folder, { name, labels: new Int32Array(4) })).toThrow('no predictions for the 4 images');
  expect(agreement(saved, { ...saved, predicted: Int32Array.of(0, 1, 3) })).toBeCloseTo(2 / 3, 12);
});
