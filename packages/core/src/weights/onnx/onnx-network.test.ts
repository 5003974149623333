import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { onnxFile } from '../../../test/hand-made-onnx';
import { inTorch, onnxOfLayers, usualWording, type Wording } from '../../../test/onnx-of-layers';
import { buildNetwork } from '../../nn/network';
import { backbones } from '../../nn/registry';
import { type NamedValues, State } from '../../runtime/state';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { stream } from '../../system/random';
import { loadNetwork, readNetwork } from '../../train/networks/load-network';
import { refusal } from '../refusal';
import { backboneLayers } from './backbone-layers';
import { readModel } from './model';
import { equalNetwork } from './onnx-network';

const folder = mkdtempSync(join(tmpdir(), 'headshare-onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string) => join(__dirname, '../../../fixtures/torch', name);
const fileOf = (bytes: Buffer, name = 'net.onnx') => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};
const refuse = refusal('net', 'an ONNX model');

const images = (count: number, size: number) =>
  tf
    .tensor4d(
      Float32Array.from({ length: count * size * size * 3 }, (_, i) => Math.sin(i)),
      [count, 3, size, size],
    )
    .transpose([0, 2, 3, 1])
    .mul(127.5)
    .add(127.5) as Tensor4D;

test("PyTorch's export of resnet8 gives PyTorch's logits", () => {
  const state = new State();
  const size = 16;
  const network = loadNetwork(state, 'net', fixture('resnet8-folded.onnx'), {
    normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  });
  expect(network.description).toMatchObject({ backbone: 'resnet8', head: 'linear', classes: 5, inputSize: size });
  const logits = network.head.logits(network.embed(images(1, size), 'eval').embedding).dataSync();
  const { logits: expected } = JSON.parse(readFileSync(fixture('resnet8-folded.json'), 'utf8')) as { logits: number[] };
  for (const [i, value] of expected.entries()) expect(logits[i]).toBeCloseTo(value, 4);
  state.dispose();
});

/** A network with weights and statistics that are not those it starts with, by our names and by PyTorch's. */
function drawn(backbone: string, inputSize: number, embeddingSize?: number, width = 1) {
  const state = new State();
  const description = {
    backbone,
    head: 'linear',
    inputSize,
    width,
    classes: 3,
    ...(embeddingSize && { embeddingSize }),
  };
  const network = buildNetwork(state, 'net', description, 3);
  const random = stream(1, backbone);
  const all = new Map(
    [...network.weights()].map(([name, { shape, values }]): [string, NamedValues] => {
      const statistic = /(running_var|norm.*weight|bn\d?\.weight)$/.test(name);
      const moved = values.map((value) => (statistic ? random.uniform(0.5, 1.5) : value + random.uniform(-0.05, 0.05)));
      return [name, { shape, values: moved }];
    }),
  );
  network.load(all, 'here');
  const layers = backboneLayers(backbones.named(backbone), {
    inputSize,
    width,
    ...(embeddingSize && { embeddingSize }),
  });
  return { state, network, layers, torch: inTorch(all) };
}

const wordings: Readonly<Record<string, Wording>> = {
  'of the older exporter': usualWording,
  'of the older exporter with any batch': { ...usualWording, batch: undefined, flatten: 'size', opset: 11 },
  'of today': { ...usualWording, opset: 18, pool: 'ReduceMean', flatten: 'Reshape', batch: undefined },
  'not folded': { ...usualWording, folded: false, whole: false, pool: 'AveragePool', gemm: false, opset: 13 },
  'of opset 9': { ...usualWording, whole: false, opset: 9, flatten: 'Reshape' },
};

// HEADSHARE_ALL_ONNX=1 tries every backbone at full width in all words: minutes, and gigabytes.
const all = process.env.HEADSHARE_ALL_ONNX !== undefined;
const small: readonly (readonly [string, number, number?])[] = [
  ['resnet8', 16],
  ['resnet18', 32, 0.125],
  ['cifar-resnet50', 32, 0.25],
  ['vgg8', 32, 0.25],
  ['wrn_16_1', 32],
  ['cifar-mobilenet-v2', 32, 0.5],
  ['mobilenet_v2', 32, 0.25],
  ['mobilenet_v3_small', 32, 0.5],
  ['efficientnet_b0', 32, 0.25],
  ['shufflenet-v1', 32],
  ['shufflenet-v2', 32],
  ['iresnet10', 16, 0.125],
  ['mobilefacenet', 48, 0.5],
  ['mobilefacenet-insightface', 48, 0.5],
];
const every: typeof small = all
  ? backbones.all.map(({ name, inputSize }) => [name, Math.min(Number(inputSize), 64)])
  : small;

test.each(
  every.flatMap(([backbone, size, width = 1], i) =>
    Object.keys(wordings)
      .filter((_, at) => all || at === i % 5)
      .map((name) => [backbone, name, size, width] as const),
  ),
)('%s in the words %s is read, and embeds as before', (backbone, name, size, width) => {
  const { state, network, layers, torch } = drawn(backbone, size, undefined, width);
  const file = fileOf(onnxFile(onnxOfLayers(layers, torch, wordings[name] as Wording)));
  const copy = loadNetwork(state, 'copy', file, {
    width,
    normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  });
  expect(copy.description).toMatchObject({ backbone, head: 'linear', classes: 3, inputSize: size });
  const [before, after] = [network, copy].map((one) => one.embed(images(2, size), 'eval').embedding.dataSync());
  const scale = Math.max(...(before ?? []).map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  for (const [i, value] of (before ?? []).entries())
    expect(Math.abs((after?.[i] ?? 0) - value)).toBeLessThan(1e-4 * scale);
  state.dispose();
});

test.each([
  ['mobilefacenet', 512, 1, true],
  ['mobilefacenet', 192, 0.5, false],
  ['iresnet10', 96, 0.25, true],
  ['mobilenet_v3_small', 1024, 0.5, true],
])('%s with %d numbers and width %d is read by its shapes', (backbone, length, width, classified) => {
  const { state, layers, torch } = drawn(backbone, 48, length, width);
  if (!classified) for (const name of ['head.weight', 'head.bias']) torch.delete(name);
  const bytes = onnxFile(onnxOfLayers(layers, torch, usualWording));
  const { network } = equalNetwork(readModel('net', bytes, refuse), {}, refuse);
  expect(network).toMatchObject({ backbone, embeddingSize: layers.shape[0], width });
  state.dispose();
});

test('any order of nodes and any names give the same weights', () => {
  const { state, layers, torch } = drawn('resnet8', 16);
  const model = onnxOfLayers(layers, torch, { ...usualWording, folded: false });
  const plain = equalNetwork(readModel('net', onnxFile(model), refuse), {}, refuse).network.tensors;
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(1e6)), (numbers) => {
      const next = () => numbers.next().value as number;
      const names = new Map<string, string>([['x', 'x']]);
      const renamed = (name: string) => {
        const known = names.get(name) ?? `name${next()}of${names.size}`;
        names.set(name, known);
        return known;
      };
      const open = [...model.nodes];
      const done = new Set(['x', ...model.tensors.keys()]);
      const nodes: typeof open = [];
      while (open.length > 0) {
        const ready = open.filter(({ inputs }) => inputs.every((input) => done.has(input)));
        const one = ready[next() % ready.length] as (typeof open)[number];
        open.splice(open.indexOf(one), 1);
        done.add(one.output);
        nodes.push({ ...one, inputs: one.inputs.map(renamed), output: renamed(one.output), name: '' });
      }
      const last = renamed(model.nodes.at(-1)?.output ?? '');
      const tensors = new Map(
        [...model.tensors].map(([name, value]) => [renamed(name), value] as const).sort(() => (next() % 2) - 0.5),
      );
      const bytes = onnxFile({ ...model, nodes, tensors, outputs: [last] });
      const read = equalNetwork(readModel('net', bytes, refuse), {}, refuse).network.tensors;
      expect(new Set(read.keys())).toEqual(new Set(plain.keys()));
      for (const [name, tensor] of plain) expect(read.get(name)?.values()).toEqual(tensor.values());
    }),
    { numRuns: 10, seed: 11 },
  );
  state.dispose();
});

test('two classifiers are named, and one with its probabilities is read, whatever comes first', () => {
  const { state, layers, torch } = drawn('resnet8', 16);
  const model = onnxOfLayers(layers, torch, { ...usualWording, opset: 13 });
  const gemm = model.nodes.at(-1);
  expect(gemm?.op).toBe('Gemm');
  if (!gemm) return;
  const [x = '', w = ''] = gemm.inputs;
  const weight = model.tensors.get(w);
  if (!weight) throw new Error('no weight');
  const other = { ...weight, values: weight.values.map((value) => -value) };
  const aux = { op: 'Gemm', inputs: [x, 'w_aux'], output: 'aux', attributes: { transB: 1 } };
  const both = {
    ...model,
    nodes: [...model.nodes, aux],
    tensors: new Map([...model.tensors, ['w_aux', other] as const]),
    outputs: ['aux', gemm.output],
  };
  expect(() => readNetwork(fileOf(onnxFile(both)))).toThrow(
    `its outputs aux and ${gemm.output} are those of two classifiers: leave one of them in the file.`,
  );
  const softmax = { op: 'Softmax', inputs: [gemm.output], output: 'p', attributes: { axis: 1 } };
  for (const outputs of [
    ['p', gemm.output],
    [x, gemm.output, 'p'],
  ]) {
    const { description } = readNetwork(fileOf(onnxFile({ ...model, nodes: [...model.nodes, softmax], outputs })));
    expect(description).toMatchObject({ backbone: 'resnet8', classes: 3 });
  }
  state.dispose();
});
