/**
 * Whatever is changed in a graph, the change is either named or read: then onnxruntime, which runs the changed file, gives the
 * outputs of the network that was read.
 */
import type { HandMadeAttribute, HandMadeModel, HandMadeNode } from '../../../test/hand-made-onnx';
import { onnxFile } from '../../../test/hand-made-onnx';
import { inTorch, onnxOfLayers, usualWording, type Wording } from '../../../test/onnx-of-layers';
import { buildNetwork } from '../../nn/network';
import { backbones } from '../../nn/registry';
import { State } from '../../runtime/state';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { refusal } from '../refusal';
import { backboneLayers } from './backbone-layers';
import { checkOnnx } from './check-onnx';
import { readModel } from './model';
import { equalNetwork } from './onnx-network';
import { ModelRunner } from './run-model';

const refuse = refusal('net', 'an ONNX model');
const runner = new ModelRunner();
afterAll(() => runner.close());

function modelOf(backbone: string, inputSize: number, wording: Partial<Wording>, width = 1): HandMadeModel {
  const state = new State();
  const description = { backbone, head: 'linear', inputSize, width, classes: 3 };
  const network = buildNetwork(state, 'net', description, 3);
  const random = stream(2, backbone);
  const moved = [...network.weights()].map(([name, { shape, values }]) => {
    const statistic = /running_var|bn\d?\.weight/.test(name);
    const change = (value: number) => (statistic ? random.uniform(0.5, 1.5) : value + random.uniform(-0.05, 0.05));
    return [name, { shape, values: values.map(change) }] as const;
  });
  const layers = backboneLayers(backbones.named(backbone), { inputSize, width });
  const model = onnxOfLayers(layers, inTorch(new Map(moved)), { ...usualWording, ...wording });
  state.dispose();
  return model;
}

/** Other values for one attribute. */
function changes(value: HandMadeAttribute): HandMadeAttribute[] {
  if (typeof value === 'number') return [value + 1, value === 1 ? 0 : 1, -1, 1000];
  if (typeof value === 'string') return [];
  if ('float' in value)
    return [{ float: value.float * 100 }, { float: value.float + 0.5 }, { float: 0 }, { float: -1 }];
  const single = value.flatMap((one, i) => [value.with(i, one + 1), ...(one > 0 ? [value.with(i, one - 1)] : [])]);
  return [...single, value.slice(1), [...value, 1], value.map(() => 0), [...value].reverse()];
}

/** Attributes that exporters leave out where they have their usual value, each with others. */
const additions: Readonly<Record<string, Readonly<Record<string, readonly HandMadeAttribute[]>>>> = {
  Conv: { auto_pad: ['SAME_UPPER', 'SAME_LOWER', 'VALID', 'ODD'] },
  MaxPool: { ceil_mode: [1], dilations: [[2, 2]], storage_order: [1], auto_pad: ['SAME_UPPER', 'VALID'] },
  AveragePool: { ceil_mode: [1], count_include_pad: [0, 1], strides: [[2, 2]], pads: [[1, 1, 1, 1]] },
  Gemm: { alpha: [{ float: 2 }, { float: -1 }], beta: [{ float: 0.5 }], transA: [1], transB: [0] },
  BatchNormalization: { training_mode: [1], momentum: [{ float: 0.5 }], spatial: [0] },
  ReduceMean: { keepdims: [0], noop_with_empty_axes: [1] },
  Concat: { axis: [-3, 2] },
  Flatten: { axis: [0, 2, -1, -3] },
  HardSwish: { alpha: [{ float: 0.2 }] },
  Relu: { alpha: [{ float: 0.1 }] },
};

interface Change {
  readonly node: HandMadeNode;
  readonly name: string;
  readonly value: HandMadeAttribute;
  readonly model: HandMadeModel;
}

/** Every attribute of one node of each operator, the last ones, where little comes after. */
function* changed(model: HandMadeModel): Generator<Change> {
  const last = new Map(model.nodes.map((node) => [`${node.op}`, node]));
  for (const node of last.values()) {
    const given = Object.entries(node.attributes ?? {}).flatMap(([name, value]) =>
      changes(value).map((one) => [name, one] as const),
    );
    const added = Object.entries(additions[node.op] ?? {}).flatMap(([name, values]) =>
      values.map((one) => [name, one] as const),
    );
    for (const [name, value] of [...given, ...added]) {
      const own = { ...node, attributes: { ...node.attributes, [name]: value } };
      yield { node, name, value, model: { ...model, nodes: model.nodes.map((one) => (one === node ? own : one)) } };
    }
  }
}

test.each([
  ['resnet8', 16, { folded: false, batch: undefined }, 0.25],
  ['resnet18', 32, { gemm: false, opset: 13 }, 0.125],
  ['shufflenet-v1', 32, { pool: 'ReduceMean', opset: 18 }, 0.1],
  ['shufflenet-v2', 32, { pool: 'AveragePool', flatten: 'size' }, 0.1],
  ['mobilenet_v3_small', 32, { flatten: 'Reshape', batch: undefined }, 0.25],
  ['iresnet10', 16, { opset: 9, whole: false }, 0.125],
] as const)('every attribute of %s for images of %d pixels (%j)', (backbone, size, wording, width) => {
  const model = modelOf(backbone, size, wording, width);
  const counts = { refused: 0, read: 0 };
  for (const { node, name, value, model: other } of changed(model)) {
    const bytes = onnxFile(other);
    const label = `${node.op} ${node.name} ${name} ${JSON.stringify(value)}`;
    try {
      const graph = readModel('net', bytes, refuse);
      const { input, output, checked } = equalNetwork(graph, { backbone, width }, refuse);
      counts.read++;
      // A change that is read leaves the outputs as they are, or is in the weights.
      try {
        checkOnnx(bytes, graph, input, output, checked, refuse, runner.run);
      } catch (error) {
        // A file that onnxruntime refuses has no outputs.
        if (!/onnxruntime cannot run it/.test((error as Error).message))
          throw new Error(`${label}: ${(error as Error).message}`);
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      counts.refused++;
      // The changed node, or one after it whose sizes no longer fit.
      expect([label, error.message]).toEqual([label, expect.stringMatching(/\bn\d+\b|it is not [^:]*: it has/)]);
    }
  }
  expect(counts.refused).toBeGreaterThan(5);
});

/** The model with one node replaced by a Clip with these bounds. */
function clipped(model: HandMadeModel, node: HandMadeNode, low: number, high: number): HandMadeModel {
  const bound = (value: number) => ({ shape: [], values: Float32Array.of(value) });
  const clip = { ...node, op: 'Clip', inputs: [node.inputs[0] as string, 'low', 'high'] };
  return {
    ...model,
    nodes: model.nodes.map((one) => (one === node ? clip : one)),
    tensors: new Map([...model.tensors, ['low', bound(low)], ['high', bound(high)]]),
  };
}

test.each([
  [0, 6],
  [0, 0.2],
  [0, 1e30],
  [-1e30, Number.POSITIVE_INFINITY],
  [-1, Number.POSITIVE_INFINITY],
])('every ReLU of resnet8 that is bounded by %d and %d is named', (low, high) => {
  const model = modelOf('resnet8', 16, {}, 0.25);
  const activations = model.nodes.filter(({ op }) => op === 'Relu');
  expect(activations.length).toBeGreaterThan(3);
  for (const node of activations) {
    const graph = readModel('net', onnxFile(clipped(model, node, low, high)), refuse);
    expect(() => equalNetwork(graph, { width: 0.25 }, refuse)).toThrow(new RegExp(`${node.name} has (low|high) `));
  }
});

test('a Clip of 0 and infinity is a ReLU', () => {
  const model = modelOf('resnet8', 16, {}, 0.25);
  const [node] = model.nodes.filter(({ op }) => op === 'Relu');
  const graph = readModel('net', onnxFile(clipped(model, node as HandMadeNode, 0, Number.POSITIVE_INFINITY)), refuse);
  expect(equalNetwork(graph, { width: 0.25 }, refuse).checked.backbone).toBe('resnet8');
});
