/** Weights of ONNX files, whose names are lost and whose batch norms are folded into convolutions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { foldedFile, type HandMadeNode, onnxFile } from '../../../test/hand-made-onnx';
import { buildNetwork } from '../../nn/network';
import { fromTorch, toTorch } from '../../nn/torch-layout';
import { type NamedValues, State } from '../../runtime/state';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { loadNetwork } from '../../train/networks/load-network';
import { parameterShapesOf } from '../choose-backbone';
import { networkFromWeights } from '../network-from-weights';
import { refusal } from '../refusal';
import { layersOf } from './layers';
import { matchLayers } from './match-layers';
import { readModel } from './model';

const folder = mkdtempSync(join(tmpdir(), 'headshare-onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string) => join(__dirname, '../../../fixtures/torch', name);
const fileOf = (bytes: Buffer, name = 'net.onnx') => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

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
    inputSize: size,
    normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  });
  expect(network.description).toMatchObject({ backbone: 'resnet8', head: 'linear', classes: 5 });
  const logits = network.head.logits(network.embed(images(1, size), 'eval').embedding).dataSync();
  const { logits: expected } = JSON.parse(readFileSync(fixture('resnet8-folded.json'), 'utf8')) as { logits: number[] };
  for (const [i, value] of expected.entries()) expect(logits[i]).toBeCloseTo(value, 4);
  state.dispose();
});

/** A backbone with weights and statistics that are not those it starts with, by our names and by PyTorch's. */
function drawn(backbone: string, inputSize: number) {
  const state = new State();
  const network = buildNetwork(state, 'net', { backbone, head: 'arcface', inputSize, width: 1, classes: 2 }, 3);
  const random = stream(1, backbone);
  const all = new Map(
    [...network.weights()].map(([name, { shape, values }]): [string, NamedValues] => {
      const statistic = /(running_var|norm.*weight|bn\d?\.weight)$/.test(name);
      const moved = values.map((value) => (statistic ? random.uniform(0.5, 1.5) : value + random.uniform(-0.05, 0.05)));
      return [name, { shape, values: moved }];
    }),
  );
  network.load(all, 'here');
  const torch = new Map(
    [...all].filter(([name]) => !name.startsWith('head.')).map(([name, one]) => [name, toTorch(one)]),
  );
  return { state, network, torch };
}

test.each([
  ['iresnet10', 16],
  ['mobilefacenet', 48],
  ['mobilefacenet-insightface', 48],
])('%s with its norms folded in is found, and embeds as before', (backbone, size) => {
  const { state, network, torch } = drawn(backbone, size);
  const file = fileOf(foldedFile(torch));
  const copy = loadNetwork(state, 'copy', file, { inputSize: size, allowMissing: ['head'], classes: 2 });
  expect(copy.description).toMatchObject({ backbone, head: 'linear', classes: 2 });
  const [before, after] = [network, copy].map((one) => one.embed(images(2, size), 'eval').embedding.dataSync());
  const scale = Math.max(...(before ?? []).map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  for (const [i, value] of (before ?? []).entries())
    expect(Math.abs((after?.[i] ?? 0) - value)).toBeLessThan(1e-4 * scale);
  state.dispose();
});

const resnet8 = readFileSync(fixture('resnet8-folded.onnx'));
const refuse = refusal('net', 'an ONNX model');

test('the norm for a folded bias adds exactly that bias', () => {
  const match = matchLayers(
    layersOf(readModel(resnet8, refuse), refuse),
    parameterShapesOf('resnet8', {}).backbone,
    refuse,
  );
  if ('problem' in match) throw new Error(match.problem);
  const part = (name: string) => match.tensors.get(`bn1.${name}`)?.values()[0] ?? Number.NaN;
  for (const epsilon of [1e-5, 1e-3]) {
    const root = Math.fround(Math.sqrt(Math.fround(part('running_var') + epsilon)));
    expect(part('weight') / root).toBe(1);
  }
});

const vector = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) });
const weight = { shape: [1, 3, 1, 1], values: new Float32Array(3) };

test.each<[string, readonly HandMadeNode[], ReadonlyMap<string, NamedValues>, RegExp]>([
  [
    'another network',
    [{ op: 'Conv', inputs: ['x', 'w'], output: 'y' }],
    new Map([['w', weight]]),
    /its 1 convolutions match no known network/,
  ],
  [
    'images normalised inside',
    [{ op: 'Mul', inputs: ['x', 's'], output: 'y' }],
    new Map([['s', vector(2)]]),
    /its graph gives Mul the stored tensor s.* the model must not normalise images itself/,
  ],
  [
    'weights that are computed',
    [{ op: 'Conv', inputs: ['x', 'made', 'b'], output: 'y' }],
    new Map([['b', vector(2)]]),
    /the weights of its Conv are not stored in it/,
  ],
])('%s is refused', (_, nodes, tensors, sentence) => {
  expect(() => networkFromWeights(fileOf(onnxFile(nodes, tensors)))).toThrow(sentence);
});

test('a file without a classifier, or with names that contradict the order, is refused', () => {
  const { state, torch } = drawn('iresnet10', 16);
  expect(() => networkFromWeights(fileOf(foldedFile(torch)), { inputSize: 16 })).toThrow('it lacks the classifier');
  const swapped = new Map(
    [...torch].map(([name, value]) => [name.replace(/^layer(1|2)\.0\.bn1/, (_, i) => `layer${3 - i}.0.bn1`), value]),
  );
  // The norms before the first two stages have as many channels each.
  const layers = layersOf(readModel(foldedFile(swapped), refuse), refuse);
  expect(matchLayers(layers, parameterShapesOf('iresnet10', { inputSize: 16 }).backbone, refuse)).toEqual({
    problem: 'its layer2.0.bn1.weight is in the place of layer1.0.bn1',
  });
  state.dispose();
});

test("a norm that was folded into a layer with its own bias (iresnet's fc in the new exporter) adds nothing", () => {
  const { state, torch } = drawn('iresnet10', 16);
  const folded = new Map([...torch].filter(([name]) => !name.startsWith('features.')));
  const file = fileOf(foldedFile(folded));
  const copy = loadNetwork(state, 'copy', file, { inputSize: 16, allowMissing: ['head'], classes: 2 });
  // What the file computes: the network without its last norm.
  const same = new Map([...torch].map(([name, value]) => [name, fromTorch(value)]));
  const fill = (value: number) => ({ shape: [128], values: new Float32Array(128).fill(value) });
  for (const [part, value] of [
    ['weight', 1],
    ['bias', 0],
    ['running_mean', 0],
    ['running_var', 1 - 1e-5],
  ] as const) {
    same.set(`features.${part}`, fill(value));
  }
  const plain = buildNetwork(state, 'plain', copy.description, 0);
  plain.load(new Map([...plain.weights(), ...same]), 'here');
  const [wanted, got] = [plain, copy].map((one) => one.embed(images(2, 16), 'eval').embedding.dataSync());
  const scale = Math.max(...(wanted ?? []).map(Math.abs));
  for (const [i, value] of (wanted ?? []).entries())
    expect(Math.abs((got?.[i] ?? 0) - value)).toBeLessThan(1e-4 * scale);
  state.dispose();
});

test('a name that layers with equal weights share is no contradiction', () => {
  const { state, torch } = drawn('iresnet10', 16);
  const same = torch.get('layer1.0.bn1.weight') as NamedValues;
  const shared = new Map([...torch, ['layer2.0.bn1.weight', same]]);
  const layers = layersOf(readModel(foldedFile(shared), refuse), refuse).map((layer) => {
    const names = [...layer.names].map(([part, name]): [string, string] => [
      part,
      name === 'layer2.0.bn1.weight' ? 'layer1.0.bn1.weight' : name,
    ]);
    return { ...layer, names: new Map(names) };
  });
  const match = matchLayers(layers, parameterShapesOf('iresnet10', { inputSize: 16 }).backbone, refuse);
  if ('problem' in match) throw new Error(match.problem);
  for (const stage of [1, 2]) expect(match.tensors.get(`layer${stage}.0.bn1.weight`)?.values()).toEqual(same.values);
  state.dispose();
});

test('ten thousand damaged files are read or refused, and none asks for more bytes than it has', () => {
  // All but the large tensors: what is damaged is then mostly structure.
  const model = readModel(resnet8, refuse);
  const small = new Map(
    [...model.tensors]
      .map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.values() }] as const)
      .slice(-6),
  );
  const nodes = model.nodes.map(({ op, inputs, outputs, integers }) => ({
    op,
    inputs,
    output: outputs[0] ?? '',
    integers: Object.fromEntries(integers),
  }));
  const bytes = onnxFile(nodes, small);
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(bytes.length), { freq: 10 }),
      (edits, end) => {
        const damaged = Buffer.from(bytes.subarray(0, end ?? bytes.length));
        for (const [at, value] of edits) if (at < damaged.length) damaged[at] = value;
        try {
          const read = readModel(damaged, refuse);
          for (const layer of layersOf(read, refuse)) for (const tensor of layer.tensors.values()) tensor.values();
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          refused++;
        }
      },
    ),
    { numRuns: 10_000, seed: 7 },
  );
  expect(refused).toBeGreaterThan(1000);
});
