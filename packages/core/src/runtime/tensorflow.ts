/**
 * The only module in the workspace that imports tfjs-node.
 *
 * Environment variables, read at load: TF_DEVICE (cpu | gpu), HEADSHARE_THREADS (threads per operation; default: all
 * processors), TF_NUM_INTEROP_THREADS (operations at a time; default: 1), HEADSHARE_TF_LOG (0 shows TensorFlow's log;
 * default: errors only).
 */
import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs';
import { wantedThreads } from '../system/threads';
import { UserError } from '../system/user-error';
import { requestedDevice } from './device';
import { restoreLegacyUtil } from './legacy-util';
import { nativeAddon, tfjsPackage } from './native-addon';

export type Tensor<R extends tfjs.Rank = tfjs.Rank> = tfjs.Tensor<R>;
export type Tensor1D = tfjs.Tensor1D;
export type Tensor2D = tfjs.Tensor2D;
export type Tensor3D = tfjs.Tensor3D;
export type Tensor4D = tfjs.Tensor4D;
export type Scalar = tfjs.Scalar;
export type Variable = tfjs.Variable;

function load(): typeof tfjs {
  const device = requestedDevice();
  // TensorFlow reads these once, while its library loads.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= process.env.HEADSHARE_TF_LOG ?? '2';
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  const count = wantedThreads();
  if (count !== undefined) process.env.TF_NUM_INTRAOP_THREADS = String(count);
  // One operation at a time on all threads: parallel operations compete for threads and caches. Measured: this saves 6 %
  // of a step of MobileFaceNet, and nothing for other networks.
  process.env.TF_NUM_INTEROP_THREADS ??= '1';
  restoreLegacyUtil();

  if (nativeAddon('tfjs_binding.node') === undefined) {
    const prefix = device === 'gpu' ? 'TF_DEVICE=gpu ' : '';
    throw new UserError(`TensorFlow is not set up yet: run \`${prefix}npx nx run tools:tensorflow\` first.`, 1);
  }
  return quietly(() => createRequire(__filename)(tfjsPackage(device)) as typeof tfjs);
}

interface StandardError {
  hold(): void;
  release(): string;
}

/**
 * Loads TensorFlow without the messages that its static initialisers write to the standard error before it reads
 * TF_CPP_MIN_LOG_LEVEL. Errors (lines that start with E or F) still appear.
 */
function quietly<T>(load: () => T): T {
  const helper = nativeAddon('stderr.node');
  if (process.env.HEADSHARE_TF_LOG !== undefined || helper === undefined) return load();
  const standardError = require(helper) as StandardError;
  standardError.hold();
  try {
    return load();
  } finally {
    const errors = standardError.release().match(/^[EF]\d.*$/gm) ?? [];
    for (const line of errors) console.error(line);
  }
}

let loaded: typeof tfjs | undefined;

/**
 * tfjs, loaded at its first use rather than at import: listing experiments or refusing options needs no TensorFlow, whose
 * library takes a second and hundreds of megabytes of address space.
 */
export const tf: typeof tfjs = new Proxy({} as typeof tfjs, {
  get: (_, key) => {
    loaded ??= load();
    return loaded[key as keyof typeof tfjs];
  },
});

/** True when operations run on a GPU. */
export function onGpu(): boolean {
  return (tf.backend() as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice;
}

/** Runs `body` and disposes of every tensor that it made and did not keep; its result must not contain any of them. */
export function scoped<R>(body: () => R): R {
  tf.engine().startScope();
  try {
    return body();
  } finally {
    tf.engine().endScope();
  }
}
