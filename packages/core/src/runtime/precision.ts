/**
 * Mixed precision: a compiled step's convolutions and matrix products in 16 bits, the rest in float32, variables above
 * all (Micikevicius et al., arXiv 1710.03740). TensorFlow rewrites the step's graph by a list of which operations
 * gain, which must not lose precision, and which follow their neighbours
 * (tensorflow/core/grappler/optimizers/auto_mixed_precision_lists.h), and puts casts between them. Operations that it
 * does not know, such as our own kernels, stay in float32.
 */

import { UserError } from '../system/user-error';
import { attr, backend, DType, uniqueNumber } from './binding';
import { encodeGraph } from './compile/graph-def';
import { integer, message, text } from './compile/protobuf';
import { type Device, requestedDevice } from './device';

export const precisions = ['float32', 'bfloat16', 'float16'] as const;

export type Precision = (typeof precisions)[number];

/** Which of Grappler's passes rewrites a graph to it, and the only device whose operations that pass looks at. */
const rewriting = {
  bfloat16: { pass: 'auto_mixed_precision_onednn_bfloat16', device: 'cpu' },
  float16: { pass: 'auto_mixed_precision', device: 'gpu' },
} as const;

/**
 * @throws UserError for a precision that the device, as TF_DEVICE has it by default, cannot train in, or that goes with
 * steps which are compiled only
 */
export function checkPrecision(precision: Precision, eager: boolean, device: Device = requestedDevice()): void {
  if (precision === 'float32') return;
  if (eager) {
    throw new UserError(
      `--precision=${precision} does not go with --eager: it is compiled steps that are rewritten to it.`,
    );
  }
  if (device === rewriting[precision].device) return;
  throw new UserError(
    precision === 'float16'
      ? 'On a CPU --precision=float16 gains nothing, for want of operations in it: use float32 or bfloat16 there, or a GPU (TF_DEVICE=gpu).'
      : 'On a GPU TensorFlow does not rewrite steps to --precision=bfloat16: use float16 there.',
  );
}

/** What a function is called with for its operations to be of this precision; undefined: nothing. */
export function configOf(precision: Precision): Uint8Array | undefined {
  return precision === 'float32' ? undefined : onlyPass(rewriting[precision].pass);
}

/**
 * TensorFlow leaves a graph as it is, without a word, on a device that it deems too old, or in a build without the
 * pass. So this has it multiply numbers that 16 bits do not hold, and looks whether the product is rounded.
 * @throws UserError when nothing is computed in this precision here
 */
export async function requireEffect(precision: Precision): Promise<void> {
  const config = configOf(precision);
  if (!config) return;
  const { binding } = backend();
  const size = 8;
  const name = `headshare_${uniqueNumber()}_precision`;
  const [dtype, type] = [attr.type('dtype', 'float32'), attr.type('T', 'float32')];
  const transposed = [attr.bool('transpose_a', false), attr.bool('transpose_b', false)];
  const graph = encodeGraph([
    { name: 'x', op: 'Placeholder', inputs: [], attrs: [dtype, attr.shape('shape', [size, size])] },
    { name: 'product', op: 'MatMul', inputs: ['x', 'x'], attrs: [type, ...transposed] },
    { name: 'y', op: 'Identity', inputs: ['product'], attrs: [type] },
  ]);
  const x = Float32Array.from({ length: size * size }, (_, i) => 1 / (i + 3));
  const ids = [binding.createTensor([size, size], DType.float32, x)];
  binding.addFunction(name, graph, ['x'], ['y']);
  try {
    const products: number[][] = [];
    for (const tried of [undefined, config]) {
      const results = await binding.callFunction(name, ids.slice(0, 1), 1, tried);
      ids.push(...results.map(({ id }) => id));
      products.push(results.flatMap(({ id }) => Array.from(binding.tensorDataSync(id) as Float32Array)));
    }
    const [exact = [], rounded = []] = products;
    // Devices may multiply float32 in an order of their own; 16 bits are off by more.
    if (exact.some((value, i) => Math.abs(value - (rounded[i] ?? value)) > 1e-5 * value)) return;
  } finally {
    for (const id of ids) binding.deleteTensor(id);
    binding.removeFunction(name);
  }
  throw new UserError(`TensorFlow computes nothing in ${precision} on this machine: use --precision=float32.`, 1);
}

/** A ConfigProto, serialised, by which Grappler runs the pass of this name once, and none of its others. */
export function onlyPass(name: string): Uint8Array {
  const rewriterConfig = [
    ...integer(12, 1), // meta_optimizer_iterations: ONE
    ...integer(17, -1), // min_graph_nodes: graphs of any size
    ...integer(21, 1), // fail_on_optimizer_errors: else the graph stays as it is, without a word
    ...text(100, name), // optimizers: these passes, not the usual ones
  ];
  const graphOptions = message(10, rewriterConfig);
  return Buffer.concat(message(10, graphOptions));
}
