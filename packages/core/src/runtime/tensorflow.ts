/**
 * The one door to TensorFlow: nothing else in the workspace imports tfjs-node.
 *
 * Environment read at load: TF_DEVICE (cpu | gpu), HEADSHARE_THREADS (threads that an operation is spread over, default:
 * all processors), TF_NUM_INTEROP_THREADS (operations at a time, default: 1), HEADSHARE_TF_LOG (0 shows TensorFlow's own log; default: errors only).
 */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { UserError } from '../system/user-error';
import { requestedDevice } from './device';
import { restoreLegacyUtil } from './legacy-util';

export type Tensor<R extends tfjs.Rank = tfjs.Rank> = tfjs.Tensor<R>;
export type Tensor1D = tfjs.Tensor1D;
export type Tensor2D = tfjs.Tensor2D;
export type Tensor3D = tfjs.Tensor3D;
export type Tensor4D = tfjs.Tensor4D;
export type Scalar = tfjs.Scalar;
export type Variable = tfjs.Variable;

function threads(): string | undefined {
  const wanted = process.env.HEADSHARE_THREADS;
  if (wanted === undefined || wanted === '') return undefined;
  if (!/^[1-9]\d*$/.test(wanted)) {
    throw new UserError(`HEADSHARE_THREADS must be a whole number of at least 1, got '${wanted}'.`);
  }
  return wanted;
}

function load(): typeof tfjs {
  const device = requestedDevice();
  // TensorFlow reads these once, while its library loads.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= process.env.HEADSHARE_TF_LOG ?? '2';
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  const count = threads();
  if (count !== undefined) process.env.TF_NUM_INTRAOP_THREADS = count;
  // One operation at a time, each over all threads: side by side they would take one another's threads and caches.
  // Measured: a step of MobileFaceNet takes 6 % less time so, others the same.
  process.env.TF_NUM_INTEROP_THREADS ??= '1';
  restoreLegacyUtil();

  const name = device === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const require = createRequire(__filename);
  const addon = require.resolve(`${name}/package.json`).replace(/package\.json$/, 'lib/napi-v8/tfjs_binding.node');
  if (!existsSync(addon)) {
    const prefix = device === 'gpu' ? 'TF_DEVICE=gpu ' : '';
    throw new UserError(`TensorFlow is not set up yet: run \`${prefix}npx nx run tools:tensorflow\` first.`, 1);
  }
  return quietly(addon, () => require(name) as typeof tfjs);
}

interface StandardError {
  hold(): void;
  release(): string;
}

/**
 * Loads without TensorFlow's greetings: its static initialisers write to the standard error before it has read
 * TF_CPP_MIN_LOG_LEVEL. Errors (lines that start with E or F) are let through.
 */
function quietly<T>(addon: string, load: () => T): T {
  const helper = join(dirname(realpathSync(addon)), 'stderr.node');
  if (process.env.HEADSHARE_TF_LOG !== undefined || !existsSync(helper)) return load();
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
 * tfjs. TensorFlow's library (a second, and hundreds of megabytes of address space) is loaded when this is first used,
 * not when a file that imports it is: experiments can be listed and options refused without it.
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

/** Runs `body` and disposes of every tensor it made and did not keep; what it returns must hold none of them. */
export function scoped<R>(body: () => R): R {
  tf.engine().startScope();
  try {
    return body();
  } finally {
    tf.engine().endScope();
  }
}
