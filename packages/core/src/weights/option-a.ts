/**
 * Shortcuts without parameters (option A of He et al., arXiv 1512.03385), as in akamaster/pytorch_resnet_cifar10: where a stage
 * halves its map, the shortcut takes every second pixel, and channels of zeros come before and after its own, half of them each.
 * That is exactly a 1x1 convolution of stride 2 with ones on a diagonal.
 */
import { contiguousTensor, type ExternalTensor, type ExternalTensors, elementType } from './external-tensor';
import { refusal } from './refusal';

const shortcut = /^layer\d+\.0\.downsample\.([01])\.(\w+)$/;

/**
 * The tensors of all shortcuts that a CIFAR ResNet lacks; undefined where it lacks something else, or has some of them.
 * @param shapes of all variables of the backbone, in PyTorch's layout
 */
export function optionAShortcuts(
  missing: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
): ExternalTensors | undefined {
  const all = [...shapes.keys()].filter((name) => shortcut.test(name));
  if (all.length === 0 || all.join() !== missing.join()) return undefined;
  const made = all.map((name) => [name, shortcutTensor(name, shapes.get(name) ?? [])] as const);
  return new Map(made);
}

function shortcutTensor(name: string, shape: readonly number[]): ExternalTensor {
  const [, layer, part] = shortcut.exec(name) ?? [];
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (layer === '0') {
    const [outputs = 0, inputs = 0] = shape;
    const before = Math.floor((outputs - inputs) / 2);
    for (let i = 0; i < inputs; i++) values[(before + i) * inputs + i] = 1;
  }
  // A norm that changes nothing: 2^16 plus epsilon is 2^16 in float32, and the weight is its root.
  if (layer === '1' && part === 'weight') values.fill(2 ** 8);
  if (layer === '1' && part === 'running_var') values.fill(2 ** 16);
  const data = new Uint8Array(values.buffer);
  const refuse = refusal(name, 'a shortcut');
  return contiguousTensor(elementType('float32', refuse), shape, data, { left: data.length }, refuse);
}
