import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxFile } from '../../../test/hand-made-onnx';
import { inTorch, onnxOfLayers, usualWording } from '../../../test/onnx-of-layers';
import { temporaryFolder } from '../../../test/temporary-folder';
import { buildNetwork } from '../../nn/network';
import { backbones } from '../../nn/registry';
import { State } from '../../runtime/state';
import { networkFromWeights } from '../network-from-weights';
import { backboneLayers } from './backbone-layers';

const folder = temporaryFolder();
const sizes = { inputSize: 16, width: 1 };

test.each([
  ['conv1.weight', Number.NaN, 'NaN at [0,0,0,2]'],
  ['layer2.0.conv1.weight', Number.POSITIVE_INFINITY, 'Infinity at [0,0,0,2]'],
  ['layer1.0.bn1.bias', Number.NEGATIVE_INFINITY, '-Infinity at [2]'],
  ['layer1.0.bn2.running_mean', Number.NaN, 'NaN at [2]'],
  ['layer1.0.bn2.running_var', -0.5, 'the negative variance -0.5 at [2]'],
  // Less than epsilon, so that the output is a number.
  ['layer1.0.bn1.running_var', -(2 ** -20), `the negative variance ${-(2 ** -20)} at [2]`],
  ['fc.weight', Number.NaN, 'NaN at [0,2]'],
])('%s with %d is refused with its name, before anything runs', (name, value, what) => {
  const state = new State();
  const network = buildNetwork(state, 'net', { backbone: 'resnet8', head: 'linear', classes: 3, ...sizes }, 1);
  const torch = inTorch(network.weights());
  state.dispose();
  const own = name.replace(/^fc\./, 'head.');
  const tensor = torch.get(own);
  expect(tensor).toBeDefined();
  if (!tensor) return;
  const values = Float32Array.from(tensor.values);
  values[2] = value;
  torch.set(own, { ...tensor, values });
  const layers = backboneLayers(backbones.named('resnet8'), { ...sizes, embeddingSize: 64 });
  const file = join(folder.path, 'net.onnx');
  writeFileSync(file, onnxFile(onnxOfLayers(layers, torch, { ...usualWording, folded: false, opset: 13 })));
  // The file's own name for it, which tells nothing of its kind.
  const message = (() => {
    try {
      networkFromWeights(file);
    } catch (error) {
      return (error as Error).message;
    }
  })();
  expect(message?.replace(/ w\d+ /, ' w ')).toBe(`${file} holds no usable weights: w is ${what}.`);
});
