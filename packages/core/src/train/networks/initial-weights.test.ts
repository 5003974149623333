import { join } from 'node:path';
import { removeTemporaryFolders, stopTiny, temporaryFolder, tinyNetwork, trainTiny } from '../../../test/tiny-training';
import { buildNetwork, type Network, type NetworkDescription } from '../../nn/network';
import { cifar100 } from '../../nn/normalisation';
import { type NamedValues, State } from '../../runtime/state';
import { UserError } from '../../system/user-error';
import { exportedWeights, exportNetwork } from '../../weights/export-weights';
import { writeTorchFile } from '../../weights/torch/torch-writer';
import { checkpointFiles, readCheckpoint, writeCheckpoint } from '../checkpoint';
import { readInitialWeights, startFrom } from './initial-weights';
import { readNetwork } from './load-network';

afterAll(removeTemporaryFolders);

const full = tinyNetwork(1);
const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const checkpoint = file('trained.safetensors');
const torch = file('trained.pth');

/** Builds a network under `net/` for `use`, and disposes of it afterwards. */
function withNetwork<R>(description: NetworkDescription, seed: number, use: (network: Network, state: State) => R): R {
  const state = new State();
  try {
    return use(buildNetwork(state, 'net', description, seed), state);
  } finally {
    state.dispose();
  }
}

const started = (description: NetworkDescription, from: string, takesHead = true) =>
  withNetwork(description, 2, (network, state) => {
    const before = network.weights();
    const lines = startFrom(state, network, readInitialWeights(from, description, 'student'), takesHead);
    return { lines, before, after: network.weights() };
  });

type Weights = ReadonlyMap<string, NamedValues>;
const split = (weights: Weights, head: boolean) =>
  new Map([...weights].filter(([name]) => name.startsWith('head.') === head));

let trained: Weights;
beforeAll(() => {
  trained = withNetwork(full, 1, (network) => network.weights());
  writeCheckpoint(checkpoint, { tensors: trained, metadata: { network: full } });
  exportNetwork(torch, { description: full, tensors: trained });
});

test.each([
  ['a checkpoint', () => checkpoint],
  ["PyTorch's file", () => torch],
])('all weights are taken from %s if the classes match', (_, from) => {
  const { lines, after } = started({ ...full, normalisation: cifar100 }, from());
  expect(after).toEqual(trained);
  expect(lines[0]).toBe(`starts from ${from()} (resnet8), with its classifier`);
});

test.each([
  ['a checkpoint', () => checkpoint],
  ["PyTorch's file", () => torch],
])('a classifier for other classes is not taken from %s but initialised at random', (_, from) => {
  const { lines, before, after } = started({ ...full, classes: 7 }, from());
  expect(split(after, false)).toEqual(split(trained, false));
  expect(split(after, true)).toEqual(split(before, true));
  expect(lines[0]).toMatch(
    /\(resnet8\), without its classifier, head\.weight \[64,4\] and head\.bias \[4\]: a classifier of 7 classes is initialised at random$/,
  );
});

test('a classifier of another kind, or one that a shared head replaces, is not taken', () => {
  const margin = started({ ...full, head: 'arcface' }, checkpoint);
  expect(split(margin.after, true)).toEqual(split(margin.before, true));
  const shared = started(full, checkpoint, false);
  expect(split(shared.after, true)).toEqual(split(shared.before, true));
  expect(shared.lines[0]).toMatch('without its classifier: the shared one is used');
});

test('without a classifier in the file, a random one remains', () => {
  exportNetwork(file('backbone.pth'), { description: full, tensors: split(trained, false) });
  const { lines, before, after } = started(full, file('backbone.pth'));
  expect(split(after, false)).toEqual(split(trained, false));
  expect(split(after, true)).toEqual(split(before, true));
  expect(lines[0]).toMatch('which holds no classifier: a classifier of 4 classes is initialised at random');
});

test("a student's maps to its teacher's space are not taken", () => {
  const description = { ...full, teacherSpace: 8, projection: 32 };
  const tensors = withNetwork(description, 1, (network) => network.weights());
  writeCheckpoint(file('distilled.safetensors'), { tensors, metadata: { network: description } });
  const { after } = started(full, file('distilled.safetensors'));
  expect(split(after, false)).toEqual(split(trained, false));
});

test('another normalisation is logged', () => {
  // Published CIFAR weights expect CIFAR's normalisation; a checkpoint records the normalisation that it expects.
  const published = file('published.pth');
  writeTorchFile(published, exportedWeights({ description: full, tensors: trained }));
  expect(started(full, published).lines[1]).toBe(
    `the weights in ${published} expect --normalisation=cifar100; this network uses symmetric`,
  );
  expect(started({ ...full, normalisation: cifar100 }, published).lines).toHaveLength(1);
  for (const own of [torch, checkpoint]) expect(started(full, own).lines).toHaveLength(1);
});

test('another architecture is refused; the error names the architecture in the file', () => {
  const refuses = (description: NetworkDescription, from: string, message: string | UserError) =>
    expect(() => started(description, from)).toThrow(message);
  refuses(
    tinyNetwork(0.25),
    checkpoint,
    new UserError(
      `${checkpoint} holds resnet8 of width 1; resnet8 of width 0.25 cannot start from it: give --student=resnet8 --student-width=1, or another file.`,
      1,
    ),
  );
  refuses(tinyNetwork(0.25), torch, 'holds resnet8 of width 1, not 0.25: give --student-width=1, or another file.');
  refuses({ ...full, backbone: 'resnet20' }, torch, `${torch} does not fit resnet20`);
  refuses({ ...full, backbone: 'resnet20' }, torch, 'The file fits resnet8');
});

test('training starts from the weights, logs it once, and resumes to the same bits', async () => {
  const options = { network: { ...full, classes: 4 }, initial: checkpoint, settings: { backboneRate: 0.1 } };
  const run = await trainTiny(options);
  expect(run.lines[0]).toBe(`student: starts from ${checkpoint} (resnet8), with its classifier`);
  const still = await trainTiny({ ...options, settings: { epochs: 1, learningRate: 1e-30, warmUpEpochs: 0 } });
  const unmoved = readNetwork(join(still.folder, checkpointFiles.last)).tensors;
  expect(unmoved.get('conv1.weight')).toEqual(trained.get('conv1.weight'));
  const stopped = await stopTiny(3, options);
  const resumed = await trainTiny({ ...options, folder: stopped });
  expect(resumed.lines[0]).toBe('student: resuming after step 3 (epoch 1)');
  const end = (of: string) => readCheckpoint(join(of, checkpointFiles.training)).tensors;
  expect(end(stopped)).toEqual(end(run.folder));
});

test('a slow backbone that starts at random is logged', async () => {
  const { lines } = await trainTiny({ settings: { backboneRate: 0.1, epochs: 1 } });
  expect(lines[0]).toBe(
    'student: --backbone-rate=0.1 slows a backbone that starts at random; --student-initial starts it from trained weights',
  );
});
