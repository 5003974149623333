import { State } from '../runtime/state';
import { buildNetwork } from './network';

/** Standard deviations of a new network's variables. */
function deviationsOf(backbone: string) {
  const state = new State();
  const description = { backbone, head: 'linear', inputSize: 32, width: 0.5, classes: 100 };
  const network = buildNetwork(state, 'net', description, 1);
  const weights = network.weights();
  state.dispose();
  const deviation = (name: string) => {
    const values = weights.get(name)?.values ?? [];
    return Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0) / values.length);
  };
  return { inputs: network.embeddingSize, deviation };
}

function classifier(backbone: string) {
  const { inputs, deviation } = deviationsOf(backbone);
  return { inputs, weight: deviation('head.weight'), bias: deviation('head.bias') };
}

/** Of PyTorch's linear layers: uniform within 1 / sqrt(inputs). */
const usual = (inputs: number) => 1 / Math.sqrt(3 * inputs);

test("a classifier has the initial values of its backbone's reference", () => {
  const resnet = classifier('resnet8x4');
  expect(resnet.weight / usual(resnet.inputs)).toBeCloseTo(1, 1);
  expect(resnet.bias / usual(resnet.inputs)).toBeCloseTo(1, 1);

  const wide = classifier('wrn_16_2');
  expect(wide.weight / usual(wide.inputs)).toBeCloseTo(1, 1);
  expect(wide.bias).toBe(0);

  for (const backbone of ['vgg8', 'MobileNetV2', 'mobilenet_v2', 'mobilenet_v3_small']) {
    const { weight, bias } = classifier(backbone);
    expect(weight / 0.01).toBeCloseTo(1, 1);
    expect(bias).toBe(0);
  }

  const efficient = classifier('efficientnet_b0');
  expect(efficient.weight / usual(100)).toBeCloseTo(1, 1);
  expect(efficient.bias).toBe(0);
});

test("ShuffleNets' convolutions start with PyTorch's default, the others with kaimingFanOut", () => {
  // Stride 1, 30 channels by depthwise 3x3: uniform within 1 / sqrt(9).
  expect(deviationsOf('shufflenet-v1').deviation('layer1.1.conv2.weight') / (1 / Math.sqrt(27))).toBeCloseTo(1, 1);
  for (const [backbone, name, outputs] of [
    ['wrn_16_2', 'block3.layer.1.conv2.weight', 64],
    ['vgg8', 'block1.0.weight', 64],
    ['cifar-resnet50', 'layer1.0.conv2.weight', 32],
  ] as const) {
    expect(deviationsOf(backbone).deviation(name) / Math.sqrt(2 / (9 * outputs))).toBeCloseTo(1, 1);
  }
});
