import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNetwork, type NetworkDescription } from '../nn/network';
import { cifar100 } from '../nn/normalisation';
import { heads } from '../nn/registry';
import { State } from '../runtime/state';
import { readInitialWeights } from '../train/networks/initial-weights';
import { readNetwork } from '../train/networks/load-network';
import { exportedWeights, exportNetwork } from './export-weights';
import { describedTensors } from './exported-description';
import { networkFromWeights } from './network-from-weights';
import { writeTorchFile } from './torch/torch-writer';

const folder = mkdtempSync(join(tmpdir(), 'headshare-exported-'));
afterAll(() => rmSync(folder, { recursive: true }));

function network(description: NetworkDescription) {
  const state = new State();
  const tensors = buildNetwork(state, 'net', description, 1).weights();
  state.dispose();
  return { description, tensors };
}
const plain = { backbone: 'resnet8', head: 'linear', inputSize: 32, width: 1, classes: 3 } as const;

const variants: readonly (readonly [string, NetworkDescription])[] = [
  ...heads.all.map(({ name }) => [`the head ${name}`, { ...plain, head: name, scale: 30, margin: 0.3 }] as const),
  ['ImageNet-like normalisation', { ...plain, normalisation: cifar100 }],
  ['a projection to the head', { ...plain, projection: 100 }],
  ["a map into the teacher's space", { ...plain, teacherSpace: 48 }],
  ["SimKD's bottleneck", { ...plain, bottleneck: { inputs: 64, outputs: 32, size: [4, 4], factor: 2 } }],
  ["a blend with the teacher's head", { ...plain, teacherSpace: 48, blend: { share: 0.25, head: 'linear' } }],
  ['another width', { ...plain, width: 0.5 }],
  ['images of unequal sides', { ...plain, inputSize: '32x48' }],
  [
    'an embedding of 192 numbers',
    { ...plain, backbone: 'mobilefacenet', width: 0.125, inputSize: 32, embeddingSize: 192 },
  ],
  [
    'an embedding of 512 numbers',
    { ...plain, backbone: 'mobilefacenet', width: 0.125, inputSize: 32, head: 'arcface', embeddingSize: 512 },
  ],
];

describe.each(variants)('%s', (_, description) => {
  const made = network(description);

  test.each(['student.pth', 'student.safetensors'])('is read back from %s as it was exported', (name) => {
    const file = join(folder, name);
    exportNetwork(file, made);
    for (const read of [readNetwork(file), networkFromWeights(file, { headless: true })]) {
      expect(read.description).toEqual(description);
      expect(new Map([...read.tensors].sort())).toEqual(new Map([...made.tensors].sort()));
    }
    const initial = readInitialWeights(file, description, 'student');
    expect(initial.tensors.get('conv1.weight')).toEqual(made.tensors.get('conv1.weight'));
  });
});

test('what is asked for goes before the description', () => {
  const file = join(folder, 'student.pth');
  exportNetwork(file, network({ ...plain, head: 'arcface' }));
  expect(networkFromWeights(file, { head: { name: 'cosface' } }).description.head).toBe('cosface');
  expect(networkFromWeights(file, { inputSize: 64 }).description.inputSize).toBe(64);
  expect(networkFromWeights(file, { normalisation: cifar100 }).description.normalisation).toEqual(cifar100);
  expect(() => networkFromWeights(file, { classes: 4 })).toThrow('has a classifier of 3 classes, not 4');
});

test('a description of another network is ignored, and so is one that is none', () => {
  const { tensors, description } = network(plain);
  const weights = exportedWeights({ tensors, description });
  for (const text of [
    '{',
    '[]',
    '{}',
    JSON.stringify({ ...plain, classes: 4 }),
    JSON.stringify({ ...plain, backbone: 'resnet14' }),
    JSON.stringify({ ...plain, backbone: 'toString' }),
    JSON.stringify({ ...plain, width: -1 }),
    JSON.stringify({ ...plain, width: 1e9 }),
    JSON.stringify({ ...plain, inputSize: 'x' }),
    JSON.stringify({ ...plain, projection: 'x' }),
    JSON.stringify({ ...plain, bottleneck: {} }),
  ]) {
    const file = join(folder, 'changed.pth');
    writeTorchFile(file, weights, { 'headshare-network': text });
    expect(networkFromWeights(file).description).toEqual({ ...plain, normalisation: cifar100 });
  }
  expect(describedTensors(undefined, new Map())).toBeUndefined();
});
