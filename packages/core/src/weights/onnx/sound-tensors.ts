import { requireSound } from '../sound-values';
import type { OnnxGraph } from './model';

/** Operators that hand on the numbers of a stored tensor. */
const storage = new Set(['Cast', 'Identity']);

/**
 * Checks that a network can compute with a graph's weights, before anything runs them. Single numbers are left out: bounds and
 * paddings may be infinite.
 * @throws UserError that names the tensor, as `requireSound`
 */
export function requireSoundTensors(file: string, { nodes, tensors }: OnnxGraph): void {
  const stored = new Map(tensors);
  const source = new Map<string, string>();
  const nameOf = (name: string): string => source.get(name) ?? name;
  const variances = new Set<string>();
  for (const { op, inputs, outputs, attributes } of nodes) {
    const [output = ''] = outputs;
    const value = op === 'Constant' ? attributes.get('value') : undefined;
    if (typeof value === 'object' && 'values' in value && 'type' in value) stored.set(output, value);
    if (storage.has(op)) source.set(output, nameOf(inputs[0] ?? ''));
    // scale, bias, mean and variance follow the input.
    if (op === 'BatchNormalization') variances.add(nameOf(inputs[4] ?? ''));
  }
  for (const [name, tensor] of stored) {
    const size = tensor.shape.reduce((a, b) => a * b, 1);
    if (size < 2 || !/float/.test(tensor.type.name)) continue;
    requireSound(file, name, { shape: tensor.shape, values: tensor.values() }, variances.has(name));
  }
}
