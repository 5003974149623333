/** How a model stores the weights of its layers; it computes with float32. */
import type { Floats } from '../graph';
import { bytesOf, toHalf, type WeightType } from '../weights';
import type { OnnxBuilder } from './builder';

type Store = (model: OnnxBuilder, name: string, value: Floats, outputs: number) => string;

const stores: Readonly<Partial<Record<WeightType, Store>>> = {
  float32: (model, name, value) => model.floats(name, value),
  float16(model, name, { shape, values }) {
    model.store(`${name}_half`, { type: 'float16', shape, bytes: bytesOf(toHalf(values)) });
    return model.add('Cast', [`${name}_half`], name, { to: 1 });
  },
};

/** The weight types that the format knows. */
export const weightTypes = Object.keys(stores) as readonly WeightType[];

/** @returns the name of the float32 value */
export function storeWeight(model: OnnxBuilder, name: string, value: Floats, outputs: number): string {
  const store = stores[model.weights];
  if (!store) throw new Error(`ONNX weights cannot be stored as ${model.weights}.`);
  return store(model, name, value, outputs);
}
