import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type HandMadeNode, onnxFile } from '../../../test/hand-made-onnx';
import type { NamedValues } from '../../runtime/state';
import { UserError } from '../../system/user-error';
import { refusal } from '../refusal';
import { graphLayers } from './graph-layers';
import { readModel } from './model';
import { equalNetwork } from './onnx-network';

const refuse = refusal('net', 'an ONNX model');
const vector = (...values: number[]): NamedValues => ({ shape: [values.length], values: Float32Array.from(values) });
const filter = { shape: [2, 3, 1, 1], values: new Float32Array(6) };
const conv: HandMadeNode = { op: 'Conv', inputs: ['x', 'w'], output: 'y', name: 'first' };

test.each<[string, readonly HandMadeNode[], RegExp]>([
  ['another network', [conv], /it is no known network; the closest is/],
  [
    'a quantised one',
    [{ op: 'QuantizeLinear', inputs: ['x', 's'], output: 'y' }],
    /it is quantised \(QuantizeLinear\); give the float model/,
  ],
  ['a layout of its own', [{ ...conv, domain: 'com.microsoft.nchwc' }], /its Conv first is of com.microsoft.nchwc/],
  [
    'an unknown operator',
    [{ op: 'Erf', inputs: ['x'], output: 'y', name: 'odd' }],
    /its Erf odd is an operator that no network here has/,
  ],
  [
    'weights that are computed',
    [
      { op: 'Relu', inputs: ['x'], output: 'r' },
      { ...conv, inputs: ['x', 'r'] },
    ],
    /its Conv first has a weight that is not stored in the file/,
  ],
  [
    'an unknown attribute',
    [{ ...conv, attributes: { odd: 1 } }],
    /its Conv first has the attribute odd, which is unknown here/,
  ],
  [
    'nodes in a circle',
    [
      { op: 'Add', inputs: ['x', 'b'], output: 'a' },
      { op: 'Relu', inputs: ['a'], output: 'b' },
    ],
    /its nodes read each other in a circle/,
  ],
  [
    'an input that nothing gives',
    [{ op: 'Relu', inputs: ['nothing'], output: 'y' }],
    /its Relu reads nothing, which nothing gives/,
  ],
  ['two nodes of one output', [conv, conv], /two of its nodes give y/],
])('%s is refused', (_, nodes, sentence) => {
  const bytes = onnxFile({
    nodes,
    tensors: new Map([
      ['w', filter],
      ['s', vector(1)],
    ]),
    input: [1, 3, 16, 16],
  });
  expect(() => equalNetwork(readModel('net', bytes, refuse), {}, refuse)).toThrow(sentence);
});

// HEADSHARE_FUZZ=10000 runs as many cases.
const numRuns = Number(process.env.HEADSHARE_FUZZ ?? 1000);

test('damaged files are read or refused, and none asks for more bytes than it has', () => {
  const whole = readFileSync(join(__dirname, '../../../fixtures/torch/resnet8-folded.onnx'));
  const { nodes } = readModel('net', whole, refuse);
  // The nodes with small tensors: what is damaged is then mostly structure.
  const tensors = new Map(
    [...new Set(nodes.flatMap(({ inputs }) => inputs))].map((name) => [name, vector(1, 2)] as const),
  );
  const made = nodes.map(({ op, name, inputs, outputs }) => ({
    op,
    name,
    inputs,
    output: outputs[0] ?? '',
    attributes: { pads: [0, 0, 0, 0], group: 1, odd: { float: 1 } },
  }));
  const bytes = onnxFile({ nodes: made, tensors, input: [1, 3, 16, 16] });
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(bytes.length), { freq: 10 }),
      (edits, end) => {
        const damaged = Buffer.from(bytes.subarray(0, end ?? bytes.length));
        for (const [at, value] of edits) if (at < damaged.length) damaged[at] = value;
        try {
          const graph = readModel('net', damaged, refuse);
          for (const tensor of graph.tensors.values()) tensor.values();
          graphLayers(graph, 16, refuse);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          refused++;
        }
      },
    ),
    { numRuns, seed: 7 },
  );
  expect(refused).toBeGreaterThan(numRuns / 10);
});
