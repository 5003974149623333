/** The reader takes back what `core:export` writes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cardKey, type OutputName } from 'headshare-student/card';
import { noisePictures, settledNetwork } from '../../../test/settled-network';
import { differences, worst } from '../../delivery/compare';
import { makeCard } from '../../delivery/make-card';
import { type DescribedNetwork, type GraphOptions, networkGraph, networkResults } from '../../delivery/network-graph';
import { writeOnnx } from '../../delivery/onnx/write';
import type { NetworkDescription } from '../../nn/network';
import { cifar100, imagenet, symmetric } from '../../nn/normalisation';
import { networkFromWeights, type WeightsHints } from '../network-from-weights';

const folder = mkdtempSync(join(tmpdir(), 'headshare-exported-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;

function written(network: DescribedNetwork, given: Partial<GraphOptions>, withCard = true): string {
  const options: GraphOptions = {
    input: 'bytes',
    outputs: ['embedding'],
    mirror: false,
    teacherSpace: false,
    ...given,
  };
  const card = makeCard(network.description, {}, options, 'float32');
  const metadata: Record<string, string> = withCard ? { [cardKey]: JSON.stringify(card) } : {};
  const { model } = writeOnnx(networkGraph(network, options), { weights: 'float32', metadata, tensorsFile: '' });
  const file = join(folder, `${files++}.onnx`);
  writeFileSync(file, Buffer.concat(model));
  return file;
}

/** The relative difference of what is read from what was written. */
function lost(network: DescribedNetwork, file: string, outputs: readonly OutputName[], hints: WeightsHints): number {
  const read = { ...networkFromWeights(file, hints), file };
  const options: GraphOptions = { input: 'bytes', outputs, mirror: false, teacherSpace: false };
  const pictures = noisePictures(3, network.description);
  return worst(differences(networkResults(network, options, pictures), networkResults(read, options, pictures)))
    .relative;
}

const sizes = { backbone: 'mobilefacenet', inputSize: 32, width: 0.25, embeddingSize: 16 } as const;

const narrow: NetworkDescription = {
  backbone: 'mobilefacenet',
  head: 'arcface',
  inputSize: 32,
  width: 0.25,
  embeddingSize: 16,
  classes: 9,
  scale: 20,
};

test.each([
  ['bytes', symmetric],
  ['pixels-nchw', imagenet],
  ['normalised-nchw', imagenet],
] as const)('%s, with the normalisation', (input, normalisation) => {
  const network = settledNetwork({ ...narrow, normalisation });
  const file = written(network, { input });
  const { description } = networkFromWeights(file, { headless: true });
  expect(description).toMatchObject({ ...sizes, head: 'linear', classes: 1, normalisation });
  expect(lost(network, file, ['embedding'], { headless: true })).toBeLessThan(1e-4);
});

test.each([
  ['mobilefacenet', 'arcface'],
  ['resnet8', 'cosface'],
  ['resnet8', 'linear'],
  ['vgg8', 'linear-no-bias'],
  ['mobilenet_v3_small', 'adaface'],
] as const)('%s with the head %s', (backbone, head) => {
  const isMargin = !head.startsWith('linear');
  const network = settledNetwork({ ...narrow, backbone, head, normalisation: cifar100 });
  const file = written(network, { outputs: ['embedding', 'logits'] });
  const { description } = networkFromWeights(file);
  expect(description).toMatchObject({
    backbone,
    head,
    classes: 9,
    normalisation: cifar100,
    ...(isMargin && { scale: 20 }),
  });
  expect(lost(network, file, ['embedding', 'logits'], {})).toBeLessThan(1e-4);
});

test('another file that normalises pixels itself is read with its normalisation', () => {
  const network = settledNetwork({ ...narrow, width: 1, normalisation: imagenet });
  const file = written(network, { input: 'pixels-nchw' }, false);
  expect(networkFromWeights(file, { headless: true }).description.normalisation).toEqual(imagenet);
  expect(lost(network, file, ['embedding'], { headless: true })).toBeLessThan(1e-4);
});

test('another normalisation than that of the file is refused', () => {
  const file = written(settledNetwork({ ...narrow, normalisation: imagenet }), {});
  expect(() => networkFromWeights(file, { headless: true, normalisation: symmetric })).toThrow(
    `${file} holds its normalisation, imagenet: give no other one than that (symmetric).`,
  );
});

test('an export of picture and mirror image together is refused by the name of its option', () => {
  const network = settledNetwork(narrow);
  const file = written(network, { mirror: true });
  expect(() => networkFromWeights(file, {})).toThrow(
    `${file} cannot be read as an ONNX model: it was exported with --mirror and embeds picture and mirror image together: give`,
  );
});
