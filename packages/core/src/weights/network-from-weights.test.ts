import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handMadeTorchFile, tensor } from '../../test/hand-made-torch';
import { buildNetwork } from '../nn/network';
import { backbones } from '../nn/registry';
import { torchShape } from '../nn/torch-layout';
import { type NamedValues, State } from '../runtime/state';
import { tf } from '../runtime/tensorflow';
import { bytesOf } from '../system/bytes-of';
import { UserError } from '../system/user-error';
import { loadNetwork, readNetwork } from '../train/networks/load-network';
import { exportedWeights, exportNetwork } from './export-weights';
import { inMemory } from './file-bytes';
import { networkFromWeights } from './network-from-weights';
import { parameterShapes } from './parameter-shapes';
import { refusal } from './refusal';
import { safetensorsParts } from './safetensors';
import { torchFileParts, writeTorchFile } from './torch/torch-writer';
import { openZip } from './torch/zip-archive';

const folder = mkdtempSync(join(tmpdir(), 'headshare-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'teacher.pth');

type Weights = Map<string, NamedValues>;
const classes = 5;

/** Weights of a small network of ours, none like another, and what they are called in PyTorch. */
function network(backbone: string, head = 'linear', inputSize = 32) {
  const state = new State();
  const { normalisation } = backbones.named(backbone);
  const description = { backbone, head, inputSize, width: 1, classes, ...(normalisation && { normalisation }) };
  const { weights } = buildNetwork(state, 'net', description, 1);
  const tensors = weights();
  state.dispose();
  return { description, tensors };
}
const resnet8 = network('resnet8');
const reference = exportedWeights(resnet8);

const renamed = (weights: Weights, name: (old: string) => string): Weights =>
  new Map([...weights].map(([old, value]) => [name(old), value]));
const without = (weights: Weights, dropped: RegExp): Weights =>
  new Map([...weights].filter(([name]) => !dropped.test(name)));
const write = (weights: Weights) => writeTorchFile(file, weights);

/** The pickle of a state dict, to put into others: without protocol and STOP. */
function pickleOf(weights: Weights, firstStorage: number): string {
  const archive = openZip(inMemory(Buffer.concat(torchFileParts(weights))), refusal('x', 'x'));
  const pickle = archive.read('archive/data.pkl')?.toString('latin1').slice(2, -1) ?? '';
  let storage = firstStorage;
  return pickle.replace(/FloatStorage\nX....\d+/gs, () => {
    const key = `${storage++}`;
    return `FloatStorage\nX${String.fromCharCode(key.length)}\0\0\0${key}`;
  });
}

/** A file that holds several state dicts by name, and what else training keeps. */
function writeNested(dicts: Readonly<Record<string, Weights>>): void {
  const storages = Object.values(dicts).flatMap((weights) =>
    [...weights.values()].map(({ values }) => bytesOf(values)),
  );
  let first = 0;
  const items = Object.entries(dicts).map(([name, weights]) => {
    const item = `X${String.fromCharCode(name.length)}\0\0\0${name}${pickleOf(weights, first)}`;
    first += weights.size;
    return item;
  });
  const rest = 'X\x05\0\0\0epochK\x05X\x09\0\0\0optimizer}X\x02\0\0\0lrK\x01s';
  writeFileSync(file, handMadeTorchFile(`\x80\x02}(${rest}${items.join('')}u.`, storages));
}

function expectResnet8(read: ReturnType<typeof networkFromWeights>): void {
  expect(read.description).toEqual(resnet8.description);
  expect(new Map([...read.tensors].sort())).toEqual(new Map([...resnet8.tensors].sort()));
}
const refused = (hints: Parameters<typeof networkFromWeights>[1], why: string | RegExp) => {
  expect(() => networkFromWeights(file, hints)).toThrow(UserError);
  expect(() => networkFromWeights(file, hints)).toThrow(why);
};

test.each(['student.pth', 'student.pt', 'student.safetensors'])(
  '%s: what is written has the names of PyTorch and is read again, its architecture found out',
  (name) => {
    const target = join(folder, name);
    exportNetwork(target, resnet8);
    expectResnet8(networkFromWeights(target));
    expectResnet8(readNetwork(target));
    expect([...reference.keys()].slice(-2)).toEqual(['fc.weight', 'fc.bias']);
    expect(reference.get('conv1.weight')?.shape).toEqual([16, 3, 3, 3]);
  },
);

test('another extension is refused before anything is written', () => {
  const target = join(folder, 'student.onnx');
  expect(() => exportNetwork(target, resnet8)).toThrow(/ends in neither \.pth, \.pt nor \.safetensors/);
  expect(existsSync(target)).toBe(false);
});

test('an external network loads like a teacher, and leaks nothing', () => {
  write(reference);
  const before = tf.memory().numTensors;
  const state = new State();
  const { weights } = loadNetwork(state, 'teacher', file);
  expect(weights()).toEqual(resnet8.tensors);
  state.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test.each(['module.', 'model.', 'backbone.', 'module.student.', 'module.encoder.net.'])(
  'names that start with %s are read without it',
  (prefix) => {
    write(renamed(reference, (name) => prefix + name));
    expectResnet8(networkFromWeights(file));
  },
);

test('a classifier outside of a wrapped backbone is found, and so is one called head', () => {
  write(renamed(reference, (name) => (name.startsWith('fc.') ? name : `backbone.${name}`)));
  expectResnet8(networkFromWeights(file));
  write(
    renamed(reference, (name) => `model.${name.startsWith('fc.') ? name.replace('fc', 'head') : `backbone.${name}`}`),
  );
  expectResnet8(networkFromWeights(file));
});

test('counts of batches are ignored', () => {
  const count = { shape: [], values: Float32Array.of(7) };
  write(new Map([...reference, ['bn1.num_batches_tracked', count], ['layer1.0.bn1.num_batches_tracked', count]]));
  expectResnet8(networkFromWeights(file));
});

test.each(['state_dict', 'model', 'net', 'anything'])('a checkpoint with its state dict under %s', (name) => {
  writeNested({ [name]: renamed(reference, (old) => `module.${old}`) });
  expectResnet8(networkFromWeights(file));
});

test('one of two networks in a file must be named', () => {
  writeNested({ first: without(reference, /^conv1/), second: reference });
  refused(
    {},
    /it holds several networks, and --state-dict=NAME must choose one: first \(46 tensors, \d+ numbers\), second \(47 tensors, \d+ numbers\)\.$/,
  );
  refused(
    { stateDict: 'ema' },
    /it has no tensors called ema; there are first \(46 tensors, .*\), second \(47 tensors/,
  );
  expectResnet8(networkFromWeights(file, { stateDict: 'second' }));
});

test('one of two networks in a state dict must be named', () => {
  const both = (prefix: string) => [...renamed(reference, (name) => prefix + name)];
  write(new Map([...both('teacher.'), ...both('student.')]));
  refused(
    { backbone: 'resnet8' },
    /--state-dict=NAME must choose one: teacher \(47 tensors, .*\), student \(47 tensors/,
  );
  expectResnet8(networkFromWeights(file, { stateDict: 'student' }));
});

describe('a network that does not fit is refused in one sentence', () => {
  test('with the missing tensors, the unused ones, and the backbone that fits', () => {
    write(exportedWeights(network('resnet14')));
    refused(
      { backbone: 'resnet8' },
      /^\S+ does not fit resnet8: left over are layer1\.1\.conv1\.weight, .* and 26 more\. The file fits resnet14\.$/,
    );
    refused(
      { backbone: 'resnet20' },
      /does not fit resnet20: it lacks layer1\.2\.conv1\.weight, .* The file fits resnet14\./,
    );
    refused({ backbone: 'resnet14', classes: 10 }, 'has a classifier of 5 classes, not 10.');
    refused({ backbone: 'resnet' }, "There is no backbone named 'resnet'; known are");
  });

  test('with the different shapes', () => {
    write(new Map([...reference, ['bn1.weight', { shape: [4], values: new Float32Array(4) }]]));
    refused({}, 'fits no known network; the closest is resnet8: bn1.weight is [4] and not [16].');
    write(new Map([...reference, ['fc.weight', { shape: [5, 3], values: new Float32Array(15) }]]));
    refused({}, 'fc.weight is [5,3] and not [classes,64]');
    write(new Map([...reference, ['fc.bias', { shape: [3], values: new Float32Array(3) }]]));
    refused({}, 'fc.bias is [3] and not [5]');
  });

  test('with unknown names', () => {
    write(new Map([['w', { shape: [1], values: Float32Array.of(1) }]]));
    refused({}, 'fits no known network: it shares no name with any.');
  });
});

describe('missing parts', () => {
  const headless = () => write(without(reference, /^fc\./));

  test('a classifier may be missing if that is allowed, and the number of classes is given', () => {
    headless();
    refused({ backbone: 'resnet8' }, "it lacks the classifier fc.weight (allow 'head' to be missing)");
    refused({ allowMissing: ['head'] }, 'has no classifier to count classes by: give the number of classes.');
    const read = networkFromWeights(file, { allowMissing: ['head'], classes });
    expect(read.description).toEqual(resnet8.description);
    expect(read.tensors.get('head.weight')?.shape).toEqual([64, classes]);
  });

  test('allowed missing layers get initial values, so that a variance is 1', () => {
    write(without(reference, /^layer3\.0\.bn2/));
    refused({}, 'it lacks layer3.0.bn2.weight, layer3.0.bn2.bias, layer3.0.bn2.running_mean, layer3.0.bn2.running_var');
    const { tensors } = networkFromWeights(file, { backbone: 'resnet8', allowMissing: ['layer3.0.bn2'] });
    expect([...(tensors.get('layer3.0.bn2.running_var')?.values ?? [])]).toEqual(Array(64).fill(1));
    expect(tensors.get('conv1.weight')).toEqual(resnet8.tensors.get('conv1.weight'));
  });

  test('a classifier without a bias makes a head without one', () => {
    write(without(reference, /^fc\.bias/));
    expect(networkFromWeights(file).description.head).toBe('linear-no-bias');
  });

  test('class centres come from their own file', () => {
    headless();
    const centres = join(folder, 'softmax_fc_gpu_0.pt');
    writeTorchFile(centres, new Map([['weight', reference.get('fc.weight') as NamedValues]]));
    const read = networkFromWeights(file, { head: { from: { file: centres } } });
    expect(read.description).toEqual({ ...resnet8.description, head: 'arcface' });
    expect(read.tensors.get('head.weight')).toEqual(resnet8.tensors.get('head.weight'));
    expect(networkFromWeights(file, { head: { from: { file: centres }, name: 'cosface' } }).description.head).toBe(
      'cosface',
    );
    expect(() => networkFromWeights(file, { head: { from: { file: centres }, name: 'x' } })).toThrow(
      "There is no head named 'x'",
    );
    const plain = tensor({ shape: [classes, 64], strides: [64, 1] }, classes * 64);
    writeFileSync(
      centres,
      handMadeTorchFile(`${plain}.`, [bytesOf(reference.get('fc.weight')?.values as Float32Array)]),
    );
    expect(networkFromWeights(file, { head: { from: { file: centres } } })).toEqual(read);
    writeTorchFile(centres, new Map([['weight', { shape: [2, 3], values: new Float32Array(6) }]]));
    expect(() => networkFromWeights(file, { head: { from: { file: centres } } })).toThrow(
      'a classifier is one tensor [classes, 64]',
    );
  });
});

test("insightface's backbones have a layer fc, so their classifier is called head", () => {
  const { backbone, embeddingSize } = parameterShapes({ backbone: 'iresnet10', width: 1, inputSize: 48 });
  const plain = ([name, shape]: readonly [string, readonly number[]], index: number) =>
    [name, { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(index) }] as const;
  write(new Map([...backbone].map(plain)));
  refused({ backbone: 'iresnet10' }, "it lacks the classifier head.weight (allow 'head' to be missing)");
  const read = networkFromWeights(file, { allowMissing: ['head'], classes });
  expect(read.description).toEqual({ backbone: 'iresnet10', head: 'linear', inputSize: 48, width: 1, classes });
  expect(read.tensors.get('fc.weight')?.shape).toEqual([512 * 9, embeddingSize]);
  const weights = exportedWeights(read);
  expect(weights.get('head.weight')?.shape).toEqual([classes, embeddingSize]);
  expect(weights.get('fc.weight')?.shape).toEqual([embeddingSize, 512 * 9]);
});

test("parameter shapes equal the variables' shapes", () => {
  const before = tf.memory().numTensors;
  const { backbone, embeddingSize } = parameterShapes({ backbone: 'resnet8', width: 1, inputSize: 32 });
  expect(embeddingSize).toBe(64);
  const own = [...without(resnet8.tensors, /^head\./)].map(([name, { shape }]) => [name, torchShape(shape)]);
  expect([...backbone]).toEqual(own);
  expect(tf.memory().numTensors).toBe(before);
});

test('a file of another kind, and one without tensors, are refused', () => {
  const other = join(folder, 'notes.txt');
  writeFileSync(other, 'hello, these are notes');
  expect(() => networkFromWeights(other)).toThrow(/cannot be read as weights: it starts neither as a PyTorch file nor/);
  writeFileSync(file, handMadeTorchFile('\x80\x02}.'));
  refused({}, 'it holds no dict of tensors');
  writeFileSync(join(folder, 'x.safetensors'), Buffer.concat(safetensorsParts(new Map(), {})));
  expect(() => readNetwork(join(folder, 'x.safetensors'))).toThrow('it holds no dict of tensors');
});

test('a narrow network that was exported here is read again, its width and embedding found from the shapes', () => {
  const narrow = { backbone: 'iresnet10', head: 'linear', inputSize: 32, width: 0.25, embeddingSize: 24, classes: 4 };
  const state = new State();
  const tensors = buildNetwork(state, 'net', narrow, 1).weights();
  state.dispose();
  const file = join(folder, 'narrow.pth');
  exportNetwork(file, { description: narrow, tensors });
  const read = networkFromWeights(file);
  expect(read.description).toEqual(narrow);
  expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
});
