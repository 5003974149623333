import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { dictOf, handMadeTorchFile, tensor, whole } from '../../test/hand-made-torch';
import { buildNetwork } from '../nn/network';
import { cifar100 } from '../nn/normalisation';
import { State } from '../runtime/state';
import { UserError } from '../system/user-error';
import { writeCheckpoint } from '../train/checkpoint';
import { readInitialWeights } from '../train/networks/initial-weights';
import { readNetwork } from '../train/networks/load-network';
import { exportedWeights, exportNetwork } from './export-weights';
import { safetensorsParts } from './safetensors';
import { requireSound } from './sound-values';
import { writeTorchFile } from './torch/torch-writer';

const folder = mkdtempSync(join(tmpdir(), 'headshare-sound-'));
afterAll(() => rmSync(folder, { recursive: true }));

const description = {
  backbone: 'resnet8',
  head: 'linear',
  inputSize: 32,
  width: 1,
  classes: 3,
  normalisation: cifar100,
} as const;
const state = new State();
const good = buildNetwork(state, 'net', description, 1).weights();
state.dispose();

/** The network with one value changed. */
function damaged(name: string, value: number, at = 0) {
  const tensors = new Map([...good].map(([key, { shape, values }]) => [key, { shape, values: values.slice() }]));
  const values = tensors.get(name)?.values;
  if (!values) throw new Error(`there is no ${name}`);
  values[at] = value;
  return { description, tensors };
}

const faults = [
  ['conv1.weight', Number.NaN, 'conv1.weight is NaN at [0,0,0,0].'],
  ['layer2.0.bn2.running_mean', Number.POSITIVE_INFINITY, 'layer2.0.bn2.running_mean is Infinity at [0].'],
  ['bn1.bias', Number.NEGATIVE_INFINITY, 'bn1.bias is -Infinity at [0].'],
  ['bn1.running_var', -1, 'bn1.running_var is the negative variance -1 at [0].'],
  ['layer1.0.bn1.running_var', Number.NaN, 'layer1.0.bn1.running_var is NaN at [0].'],
] as const;

describe.each(faults)('%s with %d', (name, value, sentence) => {
  const network = damaged(name, value);
  const weights = exportedWeights(network);

  test.each(['x.pth', 'x.safetensors'])('%s of another program is refused, with file and tensor', (base) => {
    const file = join(folder, base);
    if (base.endsWith('.pth')) writeTorchFile(file, weights);
    else writeFileSync(file, Buffer.concat(safetensorsParts(weights, {})));
    for (const read of [() => readNetwork(file), () => readInitialWeights(file, description, 'student')]) {
      expect(read).toThrow(new UserError(`${file} holds no usable weights: ${sentence}`, 1));
    }
  });

  test('a checkpoint is refused, and so is the export', () => {
    const file = join(folder, 'last.safetensors');
    writeCheckpoint(file, { tensors: network.tensors, metadata: { network: description } });
    expect(() => readNetwork(file)).toThrow(`${file} holds no usable weights: ${sentence}`);
    for (const to of ['y.pth', 'y.safetensors'].map((base) => join(folder, base))) {
      expect(() => exportNetwork(to, network)).toThrow(sentence);
      expect(() => readFileSync(to)).toThrow('ENOENT');
    }
  });
});

test('values that a network can compute with are left alone', () => {
  for (const [name, value] of [
    ['bn1.running_var', 0],
    ['bn1.running_var', -0],
    ['bn1.running_var', 1e-45],
    ['bn1.weight', -3],
    ['conv1.weight', 3.4e38],
    ['bn1.running_mean', -1e-45],
  ] as const) {
    const file = join(folder, 'fine.pth');
    exportNetwork(file, damaged(name, value));
    expect(readNetwork(file).tensors.get(name)?.values[0]).toBe(Math.fround(value));
  }
});

test('the first such value is named by its position', () => {
  const shape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(shape, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (lengths, part) => {
      const values = new Float32Array(lengths.reduce((a, b) => a * b, 1));
      const index = lengths.map((length) => Math.floor(part * length));
      const at = index.reduce((sum, i, axis) => sum * (lengths[axis] ?? 1) + i, 0);
      values[at] = Number.NaN;
      expect(() => requireSound('f', 'w', { shape: lengths, values })).toThrow(`w is NaN at [${index}].`);
    }),
  );
});

describe('weights that are integers', () => {
  const weights = exportedWeights({ description, tensors: good });
  const types = { I8: 1, U8: 1, I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8, BOOL: 1 } as const;
  const long: Readonly<Record<string, string>> = { I: 'int', U: 'uint' };

  /** A safetensors file in which one tensor has another type. */
  function written(changed: string, dtype: keyof typeof types): string {
    let offset = 0;
    const header: Record<string, unknown> = {};
    const parts = [...weights].map(([name, { shape, values }]) => {
      const own = name === changed;
      const size = own ? values.length * types[dtype] : values.byteLength;
      header[name] = { dtype: own ? dtype : 'F32', shape, data_offsets: [offset, offset + size] };
      offset += size;
      return own ? Buffer.alloc(size, 1) : Buffer.from(values.buffer, values.byteOffset, size);
    });
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const file = join(folder, 'integers.safetensors');
    writeFileSync(file, Buffer.concat([length, json, ...parts]));
    return file;
  }

  test.each(
    (Object.keys(types) as (keyof typeof types)[]).flatMap((dtype) =>
      ['conv1.weight', 'layer1.0.bn1.running_mean', 'fc.weight', 'fc.bias'].map((name) => [dtype, name] as const),
    ),
  )('%s: %s is refused, with file, tensor and type', (dtype, name) => {
    const file = written(name, dtype);
    const type =
      dtype === 'BOOL' ? 'bool' : `${dtype.replace(/^\D/, (letter) => long[letter] ?? '')}, which is quantised`;
    const sentence = `${file} holds no usable weights: ${name} is ${type}; give the float weights.`;
    for (const read of [() => readNetwork(file), () => readInitialWeights(file, description, 'student')]) {
      expect(read).toThrow(new UserError(sentence, 1));
    }
  });

  test.each([
    ['CharStorage', 'int8, which is quantised'],
    ['QInt8Storage', 'qint8, which is quantised'],
    ['QUInt8Storage', 'quint8, which is quantised'],
    ['BoolStorage', 'bool'],
  ])("PyTorch's %s is refused, even where nothing else fits", (type, what) => {
    const file = join(folder, 'integers.pth');
    const view = { shape: [2, 1], strides: [1, 1] };
    const plain = tensor(view, 2, '0', type);
    // (storage, offset, size, strides, (scheme, scale, zero point), requires grad, hooks)
    const quantised = plain
      .replace('_rebuild_tensor_v2', '_rebuild_qtensor')
      .replace(/\x89\}tR$/, `(ctorch\nper_tensor_affine\nG${'\0'.repeat(8)}${whole(0)}t\x89}tR`);
    const pickle = type.startsWith('Q') ? quantised : plain;
    writeFileSync(file, handMadeTorchFile(`\x80\x02${dictOf('features.0.weight', pickle)}.`, [Buffer.of(1, 2)]));
    expect(() => readNetwork(file)).toThrow(`features.0.weight is ${what}; give the float weights.`);
  });
});
