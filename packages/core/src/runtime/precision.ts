/**
 * Mixed precision: a compiled step computes convolutions and matrix products in 16 bits, and the rest in float32, variables
 * in particular (Micikevicius et al., arXiv 1710.03740). TensorFlow rewrites the step's graph and inserts casts, by lists of
 * the operations that gain, that need float32, and that follow their neighbours
 * (tensorflow/core/grappler/optimizers/auto_mixed_precision_lists.h). Operations that it does not know, such as the kernels
 * of this package, stay in float32.
 */
import { readFileSync } from 'node:fs';
import { UserError } from '../system/user-error';
import { attr, backend, DType, uniqueNumber } from './binding';
import { encodeGraph } from './compile/graph-def';
import { integer, message, text } from './compile/protobuf';
import { type Device, requestedDevice } from './device';

export const precisions = ['float32', 'bfloat16', 'float16'] as const;

export type Precision = (typeof precisions)[number];

/** For each precision: the pass of Grappler that rewrites a graph to it, and the only device whose operations it changes. */
const rewriting = {
  bfloat16: { pass: 'auto_mixed_precision_onednn_bfloat16', device: 'cpu' },
  float16: { pass: 'auto_mixed_precision', device: 'gpu' },
} as const;

/**
 * @param device default: the one that TF_DEVICE names
 * @throws UserError when the device cannot train in this precision, or the precision needs compiled steps
 */
export function checkPrecision(precision: Precision, eager: boolean, device: Device = requestedDevice()): void {
  if (precision === 'float32') return;
  if (eager) {
    throw new UserError(`--precision=${precision} does not go with --eager: TensorFlow rewrites compiled steps only.`);
  }
  if (device === rewriting[precision].device) return;
  throw new UserError(
    precision === 'float16'
      ? 'On a CPU --precision=float16 gains nothing, because TensorFlow has no fast float16 operations there: use float32 or bfloat16, or a GPU (TF_DEVICE=gpu).'
      : 'On a GPU TensorFlow does not rewrite steps to --precision=bfloat16: use float16.',
  );
}

/**
 * The line by which a training in float32 says that the processor could do with less; undefined where it could not.
 * @param cpuinfo Linux's /proc/cpuinfo
 */
export function bfloat16Note(
  precision: Precision,
  eager: boolean,
  cpuinfo: string = readCpuinfo(),
): string | undefined {
  if (precision !== 'float32' || eager || requestedDevice() !== 'cpu') return undefined;
  const features = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? [];
  if (!features.some((feature) => bfloat16Features.has(feature))) return undefined;
  return 'This processor computes in bfloat16: --precision=bfloat16 trains large networks up to 1.3 times as fast, small ones more slowly.';
}

/** Of x86's AVX-512 and AMX, and of arm64. */
const bfloat16Features = new Set(['avx512_bf16', 'amx_bf16', 'bf16']);

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** The serialised ConfigProto that makes a function compute in this precision; undefined for float32. */
export function configOf(precision: Precision): Uint8Array | undefined {
  return precision === 'float32' ? undefined : onlyPass(rewriting[precision].pass);
}

/**
 * Checks that the precision has an effect. TensorFlow silently leaves a graph unchanged on a device that is too old, or in
 * a build without the pass, so this multiplies numbers that 16 bits cannot hold and looks for rounding in the product.
 * @throws UserError when TensorFlow computes nothing in this precision on this machine
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
    // Devices may add float32 products in different orders; 16 bits are further off.
    if (exact.some((value, i) => Math.abs(value - (rounded[i] ?? value)) > 1e-5 * value)) return;
  } finally {
    for (const id of ids) binding.deleteTensor(id);
    binding.removeFunction(name);
  }
  throw new UserError(`TensorFlow computes nothing in ${precision} on this machine: use --precision=float32.`, 1);
}

/**
 * A serialised ConfigProto (tensorflow/core/protobuf/{config,rewriter_config}.proto) that makes Grappler, TensorFlow's graph
 * optimiser, run this pass once and no other.
 */
export function onlyPass(name: string): Uint8Array {
  const rewriterConfig = [
    ...integer(12, 1), // meta_optimizer_iterations: ONE
    ...integer(17, -1), // min_graph_nodes: graphs of any size
    ...integer(21, 1), // fail_on_optimizer_errors: by default they are ignored
    ...text(100, name), // optimizers: these passes instead of the default ones
  ];
  const graphOptions = message(10, rewriterConfig);
  return Buffer.concat(message(10, graphOptions));
}
