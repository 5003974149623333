import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { requestedDevice } from './device';

/**
 * Path of an addon that `nx run tools:tensorflow` builds beside TensorFlow's own, such as `images.node`; undefined
 * where there is none. Does not load TensorFlow.
 */
export function nativeAddon(file: string): string | undefined {
  const name = requestedDevice() === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  try {
    const tensorflow = createRequire(__filename)
      .resolve(`${name}/package.json`)
      .replace(/package\.json$/, 'lib/napi-v8/tfjs_binding.node');
    const addon = join(dirname(realpathSync(tensorflow)), file);
    return existsSync(addon) ? addon : undefined;
  } catch {
    return undefined;
  }
}
