import { State } from '../runtime/state';
import { buildNetwork } from './network';

/** Standard deviations of the classifier's weight and bias as a network of this backbone starts. */
function deviations(backbone: string, head = 'linear') {
  const state = new State();
  const network = buildNetwork(state, 'net', { backbone, head, inputSize: 32, width: 0.5, classes: 100 }, 1);
  const weights = network.weights();
  state.dispose();
  const deviation = (name: string) => {
    const values = weights.get(name)?.values ?? [];
    return Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0) / values.length);
  };
  return { inputs: network.embeddingSize, weight: deviation('head.weight'), bias: deviation('head.bias') };
}

/** Of PyTorch's linear layers: uniform within 1 / sqrt(inputs). */
const usual = (inputs: number) => 1 / Math.sqrt(3 * inputs);

test('a classifier starts as the reference of its backbone has it', () => {
  const resnet = deviations('resnet8x4');
  expect(resnet.weight / usual(resnet.inputs)).toBeCloseTo(1, 1);
  expect(resnet.bias / usual(resnet.inputs)).toBeCloseTo(1, 1);

  const wide = deviations('wrn_16_2');
  expect(wide.weight / usual(wide.inputs)).toBeCloseTo(1, 1);
  expect(wide.bias).toBe(0);

  for (const backbone of ['vgg8', 'MobileNetV2', 'mobilenet_v2', 'mobilenet_v3_small']) {
    const { weight, bias } = deviations(backbone);
    expect(weight / 0.01).toBeCloseTo(1, 1);
    expect(bias).toBe(0);
  }

  const efficient = deviations('efficientnet_b0');
  expect(efficient.weight / usual(100)).toBeCloseTo(1, 1);
  expect(efficient.bias).toBe(0);
});
