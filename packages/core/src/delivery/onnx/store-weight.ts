/** How a model stores the weights of its layers; it computes with float32. */

import { bytesOf } from '../../system/bytes-of';
import type { Floats } from '../graph';
import { toHalf, toInt8, type WeightType } from '../weights';
import type { OnnxBuilder } from './builder';

/** `channels`: the axis of the layer's outputs. */
type Store = (model: OnnxBuilder, name: string, value: Floats, channels: number) => string;

const stores: Readonly<Record<WeightType, Store>> = {
  float32: (model, name, value) => model.floats(name, value),
  float16(model, name, { shape, values }) {
    model.store(`${name}_half`, { type: 'float16', shape, bytes: bytesOf(toHalf(values)) });
    return model.add('Cast', [`${name}_half`], name, { to: 1 });
  },
  int8(model, name, value, channels) {
    const { shape, quantities, scales } = toInt8(value, channels);
    const size = [scales.length];
    const inputs = [
      model.store(`${name}_quantities`, { type: 'int8', shape, bytes: bytesOf(quantities) }),
      model.floats(`${name}_scales`, { shape: size, values: scales }),
      // onnxruntime makes int8 convolutions only of weights with zero points.
      model.store(`${name}_zeros`, { type: 'int8', shape: size, bytes: new Uint8Array(scales.length) }),
    ];
    return model.add('DequantizeLinear', inputs, name, { axis: channels });
  },
};

/** @returns the name of the float32 value */
export const storeWeight = (model: OnnxBuilder, name: string, value: Floats, channels: number): string =>
  stores[model.weights](model, name, value, channels);
