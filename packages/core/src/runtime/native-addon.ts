import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Device, requestedDevice } from './device';

export const tfjsPackage = (device: Device): string =>
  device === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';

/**
 * What the environment of a process needs at its start for `protectServer` (cluster.ts); nothing where the protection does
 * not exist. Does not load TensorFlow.
 */
export function serverProtection(environment: NodeJS.ProcessEnv = process.env): { readonly LD_PRELOAD?: string } {
  const library = process.platform === 'linux' ? nativeAddon('listen.so') : undefined;
  if (library === undefined) return {};
  // The loader separates paths by blanks or colons, and has no escape for them.
  if (/[\s:]/.test(library)) return {};
  const others = (environment.LD_PRELOAD ?? '').split(/[\s:]+/).filter((one) => one !== '' && one !== library);
  return { LD_PRELOAD: [library, ...others].join(':') };
}

/**
 * Path of an addon beside TensorFlow's own, such as `images.node`, which `nx run tools:tensorflow` builds; undefined where it
 * does not exist. Does not load TensorFlow.
 */
export function nativeAddon(file: string): string | undefined {
  const name = tfjsPackage(requestedDevice());
  try {
    const packageFile = createRequire(__filename).resolve(`${name}/package.json`);
    const tensorflow = realpathSync(join(dirname(packageFile), 'lib/napi-v8/tfjs_binding.node'));
    const addon = join(dirname(tensorflow), file);
    return existsSync(addon) ? addon : undefined;
  } catch {
    return undefined;
  }
}
