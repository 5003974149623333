/** Networks that take BGR, as those trained on pictures of OpenCV or with Caffe. */
import type { NamedValues } from '../runtime/state';
import { UserError } from '../system/user-error';

/**
 * The same network for RGB: its first convolution has the weights of red and blue exchanged.
 * @param weights in the order of the network's layers, in our layout
 * @throws UserError where the first convolution does not read three colours
 */
export function withoutBgr(weights: ReadonlyMap<string, NamedValues>, file: string): Map<string, NamedValues> {
  const [name, first] = [...weights].find(([, { shape }]) => shape.length === 4) ?? [];
  if (name === undefined || first?.shape[2] !== 3) {
    throw new UserError(
      `${file} cannot be read as a network of BGR: its first convolution does not read three colours.`,
      1,
    );
  }
  const [height, width, , outputs] = first.shape as [number, number, number, number];
  const values = new Float32Array(first.values.length);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const from = (3 * pixel + 2 - colour) * outputs;
      values.set(first.values.subarray(from, from + outputs), (3 * pixel + colour) * outputs);
    }
  }
  return new Map(weights).set(name, { shape: first.shape, values });
}
