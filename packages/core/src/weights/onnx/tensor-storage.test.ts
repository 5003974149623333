/** Every way of the format to store floats is read to the same weights, and what onnxruntime does not run is said. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HandMadeModel, type HandMadeTensor, onnxFile, type TensorStorage } from '../../../test/hand-made-onnx';
import { inTorch, onnxOfLayers, usualWording } from '../../../test/onnx-of-layers';
import { temporaryFolder } from '../../../test/temporary-folder';
import { buildNetwork } from '../../nn/network';
import { backbones } from '../../nn/registry';
import { State } from '../../runtime/state';
import { readNetwork } from '../../train/networks/load-network';
import { backboneLayers } from './backbone-layers';

const folder = temporaryFolder();

/** A small network whose weights bfloat16 and float16 hold exactly. */
function smallModel(batch: number | undefined): HandMadeModel {
  const state = new State();
  const shape = { inputSize: 16, width: 0.25 };
  const network = buildNetwork(state, 'net', { backbone: 'resnet8', head: 'linear', ...shape, classes: 3 }, 3);
  const coarse = [...network.weights()].map(([name, { shape: own, values }]) => {
    // Neither zero nor subnormal: 1/64 to 2 with four bits.
    const rounded = values.map((value) => Math.round(value * 8) / 8 || 1 / 64);
    return [name, { shape: own, values: /var|norm.*weight|bn/.test(name) ? rounded.map(Math.abs) : rounded }] as const;
  });
  state.dispose();
  const layers = backboneLayers(backbones.named('resnet8'), shape);
  return onnxOfLayers(layers, inTorch(new Map(coarse)), { ...usualWording, folded: false, batch });
}

const model = smallModel(1);
const isFloat = ({ isInteger }: HandMadeTensor) => !isInteger;
const storing = (storage: (name: string, tensor: HandMadeTensor) => TensorStorage, type = 1): Buffer =>
  onnxFile({
    ...model,
    type,
    tensors: new Map(
      [...model.tensors].map(([name, one]) => [name, isFloat(one) ? { ...one, storage: storage(name, one) } : one]),
    ),
  });

function read(bytes: Buffer) {
  const file = join(folder.path, 'net.onnx');
  writeFileSync(file, bytes);
  const notes: string[] = [];
  const network = readNetwork(file, { backbone: 'resnet8', width: 0.25, onNote: (note) => notes.push(note) });
  return { tensors: new Map([...network.tensors].sort()), notes: notes.join('\n') };
}

let plain: ReturnType<typeof read>['tensors'] | undefined;

// Once, but not before the first test's folder is there.
beforeEach(() => {
  plain ??= read(onnxFile(model)).tensors;
});

test('a plain file is compared with onnxruntime', () => {
  const { tensors, notes } = read(onnxFile(model));
  expect(tensors).toEqual(plain);
  expect(notes).toContain('its outputs are those of onnxruntime on 1 image');
});

test.each<[TensorStorage & string, number, RegExp]>([
  ['float_data', 1, /its outputs are those of onnxruntime/],
  ['float16', 10, /its outputs are those of onnxruntime/],
  ['float16 in int32_data', 10, /its outputs are those of onnxruntime/],
  [
    'float64',
    11,
    /its outputs are not compared with onnxruntime's: its weights are float64; --verify=FILE.npz compares/,
  ],
  ['double_data', 11, /its outputs are not compared with onnxruntime's: its weights are float64/],
  ['bfloat16', 16, /its outputs are not compared with onnxruntime's: its weights are bfloat16/],
])('weights in %s', (storage, type, note) => {
  const { tensors, notes: said } = read(storing(() => storage, type));
  expect(tensors).toEqual(plain);
  expect(said).toMatch(note);
});

test('weights in another file', () => {
  const parts: Buffer[] = [];
  let offset = 0;
  const bytes = storing((_, { values }) => {
    const at = offset;
    parts.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    offset += values.byteLength;
    return { location: 'net.onnx.data', offset: at };
  });
  expect(() => read(bytes)).toThrow(/is in .*net\.onnx\.data, which is not there: keep it beside the model/);
  const data = join(folder.path, 'net.onnx.data');
  writeFileSync(data, Buffer.concat(parts));
  const { tensors, notes: said } = read(bytes);
  expect(tensors).toEqual(plain);
  expect(said).toContain('its outputs are those of onnxruntime');
  writeFileSync(data, Buffer.concat(parts).subarray(0, 100));
  expect(() => read(bytes)).toThrow(/net\.onnx\.data, which has 100/);
});

test('a model for many images at once is not run', () => {
  expect(read(onnxFile(smallModel(32))).notes).toContain(
    "its outputs are not compared with onnxruntime's: it takes 32 images at once, and at most 16 are tried",
  );
});

test('--state-dict has nothing to choose in an ONNX file', () => {
  const file = join(folder.path, 'net.onnx');
  writeFileSync(file, onnxFile(model));
  expect(() => readNetwork(file, { stateDict: 'ema' })).toThrow(
    /^--state-dict=ema has nothing to choose in .*net\.onnx: it is an ONNX model, which holds one network\. Leave/,
  );
});
