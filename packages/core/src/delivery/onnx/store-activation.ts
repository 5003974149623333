/** Maps and vectors in 8 bits: QuantizeLinear and DequantizeLinear, which runtimes fuse with the layer that follows. */
import { byteScale } from '../ranges';
import type { Layout, OnnxBuilder } from './builder';

/**
 * The model's name of a value of the graph, after its numbers were stored in 8 bits; as it is where no range of them is known.
 */
export function getInBytes(model: OnnxBuilder, value: string, layout: Layout = 'nhwc'): string {
  const name = model.get(value, layout);
  const range = model.ranges?.get(value);
  if (!range) return name;
  const restored = `${name}_restored`;
  // Several layers may read it.
  if (model.tensors.has(`${name}_step`)) return restored;
  const { step, zero } = byteScale(range);
  const scale = [
    model.scalar(`${name}_step`, step),
    model.store(`${name}_zero`, { type: 'uint8', shape: [], bytes: Uint8Array.of(zero) }),
  ];
  const bytes = model.add('QuantizeLinear', [name, ...scale], `${name}_bytes`);
  return model.add('DequantizeLinear', [bytes, ...scale], restored);
}
