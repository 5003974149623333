import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutputName } from 'headshare-student/card';
import { noisePictures, settledNetwork } from '../../test/settled-network';
import { writtenModel } from '../../test/written-model';
import { imagesInMemory } from '../data/dataset';
import { makeCard } from '../delivery/make-card';
import { type GraphOptions, networkGraph } from '../delivery/network-graph';
import { formats } from '../delivery/registry';
import type { NetworkDescription } from '../nn/network';
import { terminalTable } from '../report/terminal-table';
import { classificationTask } from '../train/evaluation/classification-task';
import { judge, judgementTable, notJudged } from './judge';

const folder = mkdtempSync(join(tmpdir(), 'headshare-judge-'));
afterAll(() => rmSync(folder, { recursive: true }));

const description: NetworkDescription = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: '24x32',
  width: 0.5,
  classes: 5,
};

const images = (name: string, count: number) =>
  imagesInMemory(
    { name, classes: 5, size: '24x32', labels: Int32Array.from({ length: count }, (_, i) => i % 5), fingerprint: name },
    noisePictures(count, description, count),
  );
// More than a batch, and no multiple of it.
const task = classificationTask({ train: images('train', 5), test: images('test', 70), heldOut: images('held', 15) });

const optionsOf = (...outputs: readonly OutputName[]): GraphOptions => ({
  input: 'pixels-nchw',
  outputs,
  mirror: false,
  teacherSpace: false,
});

test.each([
  ['onnx', 'logits'],
  ['onnx', 'probabilities'],
  ['saved-model', 'logits'],
] as const)("%s's %s have the task's own metrics", async (name, output) => {
  const network = settledNetwork(description);
  const options = optionsOf(output);
  const card = makeCard(description, {}, options, 'float32');
  const path = join(folder, `${name}-${output}`);
  const model = await writtenModel(formats.named(name), networkGraph(network, options), path, {
    card,
    weights: 'float32',
  });
  const found = await judge({ network, model, card, options, task, gallery: undefined });
  await model.close();
  expect(Object.keys(found.network)).toEqual(expect.arrayContaining(['top1', 'top5', 'held_out/top1']));
  expect(Object.keys(found.model)).toEqual(Object.keys(found.network));
  for (const [metric, value] of Object.entries(found.network)) {
    expect([metric, found.model[metric]]).toEqual([metric, expect.closeTo(value, 5)]);
  }
});

test('a model without the outputs that its task measures is not judged', () => {
  expect(notJudged(task, optionsOf('embedding'))).toBe(
    'its task is measured by logits or probabilities, which --outputs lacks',
  );
  expect(notJudged(task, optionsOf('embedding', 'probabilities'))).toBeUndefined();
});

test('the table shows measures over all data, and the one that chooses networks', () => {
  const network = { accuracy: 0.9132, 'a/accuracy': 0.9, 'b/accuracy': 0.9264, xnorm: 20 };
  const model = { ...network, accuracy: 0.91319, 'b/accuracy': 0.9, xnorm: 20.25 };
  const table = judgementTable({ network, model }, { selectBy: 'b/accuracy' });
  expect(terminalTable(table, { width: 80, lines: false }).split('\n')).toEqual([
    'measure      network     model    change',
    'accuracy      0.9132    0.9132    0.0000',
    'b/accuracy    0.9264    0.9000   -0.0264',
    'xnorm        20.0000   20.2500    0.2500',
  ]);
});
